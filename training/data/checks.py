"""Whether a recipe and the data it was given go together, looked at before anything is trained."""

from collections.abc import Sequence
from pathlib import Path

from training.data.dataset import Dataset
from training.data.word_vectors import WordVectors
from training.errors import DataError
from training.progress import TrainingCallback
from training.recipe.recipe import Recipe


def check_sources(recipe: Recipe, dataset: Dataset) -> None:
    """That the sources of each stage, and of the tokenizer, have rows in the training part. Raises DataError."""
    tasks, present = {source.key for source in recipe.data.task_sources}, set(dataset.train.source)
    of_stages = [(f"stage {stage.name!r}", stage.sources) for stage in recipe.schedule]
    for where, sources in [*of_stages, ("tokenizer.sources", recipe.tokenizer.sources)]:
        if missing := sorted(set(sources) - tasks - present):
            found = ", ".join(sorted(present))
            raise DataError(f"{where}: {missing} have no row in the training part; found: {found}")


def check_vectors(recipe: Recipe) -> None:
    """That the recipe's word vectors, where it names some, are there and as long as its embedding. Raises DataError."""
    if recipe.vectors:
        WordVectors(Path(recipe.vectors.file), recipe.network.embedding)


def note_other_data(recipe: Recipe, given: Sequence[tuple[str, str]], callback: TrainingCallback) -> None:
    """Tell where what is learned from is not what a search found the recipe on.

    `given`: name and sha256 of each file and of word vectors, folder and version of each teacher.
    """
    if found_on := recipe.data.found_on:
        others = [name for name, digest in given if digest not in found_on]
        missing = len(set(found_on) - {digest for _, digest in given})
        if others or missing:
            callback.on_note(
                f"The recipe was found on other data (data.found_on): {', '.join(others) or 'none'} "
                f"not among them, {missing} of them not given. Its figures there say little of these."
            )
