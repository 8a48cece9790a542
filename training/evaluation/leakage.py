"""Leakage check: whether a bundle has seen, in training, the rows that it is to be measured on."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from serving.model.metadata import Metadata
from training.data.teacher_file import TeacherInfo
from training.errors import DataError
from training.recipe.data import Source
from training.recipe.recipe import Recipe, describe_faults

# Keys of data that decide nothing.
NOT_DECISIVE = {"about", "terms", "found_on"}

Split = Mapping[str, Mapping[str, int]]  # part -> label -> rows
Lineage = Metadata | TeacherInfo  # what a bundle, or whoever wrote a file of answers, says of where it came from


def check_no_test_leakage(
    metadata: Lineage, recipe: Recipe, files: Sequence[tuple[str, str]], split: Split, where: str
) -> None:
    """Refuse a bundle that was trained on what is validation or test for this recipe with these files.

    One of other files passes, if none of its teachers learned from these. So does one without teachers that saw only
    sources which the recipe trains on, whole, however it splits others. Any other that shares a file must have been
    given the same files, split alike, as its own training then asked of its teachers.

    Args:
        metadata: The bundle's.
        recipe: The recipe whose parts are to be measured on.
        files: Names and sha256 of its files, in the order in which they are read.
        split: How many rows each part has of each label here. It must be as many in the bundle: cleaning, too, decides
            who is in which part.
        where: Begins the error's sentence.

    Raises:
        DataError: The bundle has seen such rows, or does not tell.
    """
    bundle_hashes, hashes = sorted(file.sha256 for file in metadata.data), sorted(sha for _, sha in files)
    if not set(bundle_hashes) & set(hashes):
        _check_teachers(metadata, files, where)
        return
    recipe_then = bundle_recipe(metadata, where)
    bundle_files = [(file.file, file.sha256) for file in metadata.data]
    if _saw_training_sources_alone((recipe_then, bundle_files), (recipe, files)):
        return
    actual = {"files": bundle_hashes, **_split_rules(recipe_then, bundle_files), "rows of each part": metadata.split}
    expected = {"files": hashes, **_split_rules(recipe, files), "rows of each part": split}
    if different := sorted(key for key in expected if expected[key] != actual[key]):
        raise DataError(
            f"{where}: {metadata.name} {metadata.model_version} has seen rows of other parts of the same files: its "
            f"{', '.join(different)} differ; accepted: bundles of one split (data.split_seed), or of other files"
        )


def _saw_training_sources_alone(
    then: tuple[Recipe, Sequence[tuple[str, str]]], now: tuple[Recipe, Sequence[tuple[str, str]]]
) -> bool:
    """Whether what trained or chose a bundle are whole sources, each of which trains, or chooses, in the recipe too.

    A copy of such a row in a source that is a test here was seen all the same.
    """
    (recipe, files), (recipe_now, files_now) = then, now
    learned = {key for stage in recipe.schedule for key in stage.sources}
    targets = recipe.data.target_sources
    seen = [s for s in targets if s.part == "validation" or (s.part != "test" and (not learned or s.key in learned))]
    drawn = any(source.part is None for source in targets) or any(source.hold_out or source.rows for source in seen)
    if drawn or not targets or recipe.start or any(stage.is_taught for stage in recipe.schedule):
        return False
    read_now = [_read_alike(recipe_now, source, files_now) for source in recipe_now.data.target_sources]
    hashes = {sha for _, sha in files_now}
    return all(
        dict(files).get(source.file) not in hashes
        or any(rows in read_now for rows in _parts_to_learn(_read_alike(recipe, source, files)))
        for source in seen
    )


def _read_alike(recipe: Recipe, source: Source, files: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """All that decides which rows of which file a source has, and in which part they are."""
    data = recipe.data.model_dump(
        include={"text", "label", "encoding", "header", "quoted", "rename", "ignore", "missing"}
    )
    unread = NOT_DECISIVE | {"file", "weight"}
    return {"data": data, "sha256": dict(files).get(source.file), **source.model_dump(exclude=unread)}


def _parts_to_learn(rows: dict[str, Any]) -> list[dict[str, Any]]:
    """The same rows in the part that they are in, and in the training part: what was chosen by may be learned from."""
    return [rows, {**rows, "part": "train"}]


def _check_teachers(metadata: Lineage, files: Sequence[tuple[str, str]], where: str) -> None:
    bundle = f"{where}: {metadata.name} {metadata.model_version}"
    if untold := sorted(metadata.teachers.keys() - metadata.teacher_data.keys()):
        raise DataError(
            f"{bundle} does not tell what its teachers learned from ({', '.join(untold)}), which may be rows that are "
            "validation or test here; accepted: bundles with teacher_data in metadata.json, as training writes it now"
        )
    teacher_hashes = {file.sha256 for learned in metadata.teacher_data.values() for file in learned}
    if shared := sorted(name for name, sha in files if sha in teacher_hashes):
        raise DataError(
            f"{bundle} has teachers that learned from {', '.join(shared)}, perhaps from rows that are validation or "
            "test here; accepted: bundles of this split of the same files, or whose teachers learned from others"
        )


def bundle_recipe(metadata: Lineage, where: object, content: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe of a bundle, in the keys of today.

    Args:
        metadata: The bundle's.
        where: Begins the error's sentence.
        content: Another recipe that it tells of, as of a teacher.

    Raises:
        DataError: It is none that could be trained by today, or there is none.
    """
    if metadata.origin == "adopted":
        raise DataError(
            f"{where}: was adopted, so that its recipe and data are not known; accepted: a bundle that was trained "
            "here. `python -m training evaluate` measures any"
        )
    try:
        return Recipe.from_bundle(metadata.recipe if content is None else content)
    except ValidationError as error:
        raise DataError(
            f"{where}: the recipe of {metadata.name} {metadata.model_version} does not tell how its files were read: "
            f"{describe_faults(error)}"
        ) from error


def _split_rules(recipe: Recipe, files: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """What decides which part a row is in: all that is said of labelled rows, but for their weights, and their order.

    Files of the same content under each other's names are read in another one, and split otherwise.
    """
    targets = recipe.data.target_sources
    names = {source.file for source in targets}
    return {
        **recipe.data.model_dump(mode="json", exclude=NOT_DECISIVE | {"sources", "split_seed"}),
        "sources": [source.model_dump(mode="json", exclude=NOT_DECISIVE | {"weight"}) for source in targets],
        "order of files": list(dict.fromkeys(sha for name, sha in files if name in names or not names)),
        "split seed": recipe.split_seed,
        "fields": [(field.source, field.kind, field.values) for field in recipe.fields],  # equal rows go together
    }
