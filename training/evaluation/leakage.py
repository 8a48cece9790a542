"""Whether a bundle has seen, in training, what is to be measured on here."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from serving.model.metadata import Metadata
from training.errors import DataError
from training.recipe.recipe import Recipe, describe_faults

SAID = {"about", "terms", "found_on"}
"""Keys of data that decide nothing."""

Split = Mapping[str, Mapping[str, int]]
"""Part -> label -> rows."""


def check_no_test_leakage(
    metadata: Metadata, recipe: Recipe, files: Sequence[tuple[str, str]], split: Split, where: str
) -> None:
    """That a bundle was not trained on what is validation or test for this recipe with these files.

    `files`: names and sha256, in the order in which they are read.

    One of other files passes, if none of its teachers learned from these; one that shares a file must have been given
    the same files, split alike, as its own training then asked of its teachers. `split`: how many rows each part has of
    each label here, which must be as many there: cleaning, too, decides who is in which. `where` begins the message.
    Raises DataError.
    """
    its, ours = sorted(file.sha256 for file in metadata.data), sorted(sha for _, sha in files)
    if not set(its) & set(ours):
        _check_teachers(metadata, files, where)
        return
    its_recipe, its_files = _recipe(metadata, where), [(file.file, file.sha256) for file in metadata.data]
    known = {"files": its, **_split_of(its_recipe, its_files), "rows of each part": metadata.split}
    wanted = {"files": ours, **_split_of(recipe, files), "rows of each part": split}
    if different := sorted(key for key in wanted if wanted[key] != known[key]):
        raise DataError(
            f"{where}: {metadata.name} {metadata.model_version} has seen rows of other parts of the same files: its "
            f"{', '.join(different)} differ; accepted: bundles of one split (data.split_seed), or of other files"
        )


def _check_teachers(metadata: Metadata, files: Sequence[tuple[str, str]], where: str) -> None:
    who = f"{where}: {metadata.name} {metadata.model_version}"
    if untold := sorted(metadata.teachers.keys() - metadata.teacher_data.keys()):
        raise DataError(
            f"{who} does not tell what its teachers learned from ({', '.join(untold)}), which may be rows that are "
            "validation or test here; accepted: bundles with teacher_data in metadata.json, as training writes it now"
        )
    theirs = {file.sha256 for learned in metadata.teacher_data.values() for file in learned}
    if shared := sorted(name for name, sha in files if sha in theirs):
        raise DataError(
            f"{who} has teachers that learned from {', '.join(shared)}, perhaps from rows that are validation or test "
            "here; accepted: bundles of this split of the same files, or whose teachers learned from others"
        )


def _recipe(metadata: Metadata, where: str) -> Recipe:
    try:
        return Recipe.from_bundle(metadata.recipe)
    except ValidationError as error:
        raise DataError(
            f"{where}: the recipe of {metadata.name} {metadata.model_version} does not tell how its files were split: "
            f"{describe_faults(error)}"
        ) from error


def _split_of(recipe: Recipe, files: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """What decides which part a row is in: all that is said of labelled rows, but for their weights, and their order.

    Files of the same content under each other's names are read in another one, and split otherwise.
    """
    said = recipe.data.model_dump(mode="json", exclude=SAID | {"sources", "split_seed"})
    targets = recipe.data.target_sources
    sources = [source.model_dump(mode="json", exclude=SAID | {"weight"}) for source in targets]
    names = {source.file for source in targets}
    order = dict.fromkeys(sha for name, sha in files if name in names or not names)
    return {**said, "sources": sources, "order of files": list(order), "split seed": recipe.split_seed}
