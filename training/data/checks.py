"""Checks that a recipe and its data go together, before anything is trained."""

from collections.abc import Sequence
from pathlib import Path

from training.data.dataset import Dataset
from training.data.word_vectors import WordVectors
from training.errors import DataError, RecipeError
from training.progress import TrainingCallback
from training.recipe.recipe import Recipe


def check_sources(recipe: Recipe, dataset: Dataset) -> None:
    """Check that the sources of each stage, and of the tokenizer, have rows in the training part.

    Raises:
        DataError: One has none.
    """
    tasks, present = {source.key for source in recipe.data.task_sources}, set(dataset.train.source)
    of_stages = [(f"stage {stage.name!r}", stage.sources) for stage in recipe.schedule]
    for where, sources in [*of_stages, ("tokenizer.sources", recipe.tokenizer.sources)]:
        if missing := sorted(set(sources) - tasks - present):
            raise DataError(f"{where}: {missing} have no row in the training part; found: {', '.join(sorted(present))}")


def check_fresh(recipe: Recipe) -> None:
    """Check that a recipe goes on from no bundle: its few chosen rows are none to choose or compare models by.

    Raises:
        RecipeError: It goes on from one.
    """
    if recipe.start:
        raise RecipeError(f"{recipe.name}: has a [start]; accepted: `python -m training fit` for such ones")


def check_vectors(recipe: Recipe) -> None:
    """Check that the recipe's word vectors, where it names some, are there and as long as its embedding.

    Raises:
        DataError: They are not.
    """
    if recipe.vectors:
        WordVectors(Path(recipe.vectors.file), recipe.network.embedding)


def note_other_data(recipe: Recipe, digests: Sequence[tuple[str, str]], callback: TrainingCallback) -> None:
    """Note it where what is learned from is not what a search found the recipe on.

    Args:
        recipe: The recipe.
        digests: Name and sha256 of each file and of word vectors, folder and version of each teacher.
        callback: Gets the note.
    """
    if found_on := recipe.data.found_on:
        others = [name for name, digest in digests if digest not in found_on]
        missing = len(set(found_on) - {digest for _, digest in digests})
        if others or missing:
            callback.on_note(
                "The search that found this recipe had other data (data.found_on), so its figures say little here: "
                f"new are {', '.join(others) or 'none'}; {missing} of its files or teachers are not given"
            )
