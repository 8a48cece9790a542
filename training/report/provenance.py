"""Where a model is from: files, cleaning, parts, libraries, and the way to make it again."""

import shlex
from collections.abc import Iterator
from typing import Any

from serving.metadata import Metadata
from training.report.table import Table, count


def file_table(metadata: Metadata) -> Table:
    """What each file is, its terms, the start of its sha256, its rows."""
    rows = [
        (file.file, _said(metadata, file.file, "about"), _said(metadata, file.file, "terms"), file.sha256[:12])
        for file in metadata.data
    ]
    sizes = [count(file.rows) for file in metadata.data]
    told = [(*row, size) for row, size in zip(rows, sizes, strict=True)]
    return Table("Files", ("file", "what it is", "terms", "sha256", "rows"), [*told, *_vectors(metadata)], words=4)


def _vectors(metadata: Metadata) -> Iterator[tuple[str, ...]]:
    if file := metadata.vectors:
        said = metadata.recipe.get("vectors", {})
        what = f"word vectors: {said.get('about') or '–'}"
        yield file.file, what, said.get("terms") or "–", file.sha256[:12], f"{count(file.rows)} words"


def split_table(metadata: Metadata) -> Table:
    """Rows of each class in each part."""
    parts = list(metadata.split)
    rows = [(label, *(count(metadata.split[part].get(label, 0)) for part in parts)) for label in metadata.labels]
    total = ("all", *(count(sum(metadata.split[part].values())) for part in parts))
    return Table("Parts by class", ("class", *parts), [*rows, total] if parts else [])


def cleaning_table(metadata: Metadata) -> Table:
    """What was read, what each rule dropped or merged, what was kept."""
    rows = [(rule, count(rows)) for rule, rows in metadata.cleaning.items()]
    return Table("Cleaning", ("rule", "rows"), rows)


def library_table(metadata: Metadata) -> Table:
    """The versions that shaped the model."""
    return Table("Libraries", ("library", "version"), list(metadata.libraries.items()), words=2)


def recipes(metadata: Metadata) -> dict[str, dict[str, Any]]:
    """File name -> recipe, as `command` calls them: those of the teachers, and the model's own, which comes last."""
    return {**{file: recipe for file, _, recipe in _teachers(metadata)}, "recipe.toml": metadata.recipe}


def teacher_table(metadata: Metadata) -> Table:
    """What taught the model beside the labels: bundles with their versions, and baselines."""
    names = {folder: str(recipe.get("name", "–")) for folder, recipe in metadata.teacher_recipes.items()}
    bundles = [(folder, names.get(folder, "–"), version) for folder, version in metadata.teachers.items()]
    stages = metadata.recipe.get("stages", [])
    baselines = dict.fromkeys(name for stage in stages for name in stage.get("teacher_baselines", []))
    return Table("Teachers", ("teacher", "recipe", "version"), [*bundles, *((b, "–", "–") for b in baselines)], words=3)


def command(metadata: Metadata) -> str:
    """The shell commands, a line each, that train the same model from its recipes and files, its teachers first."""
    commands = [
        _fit(file, _files(sources(recipe)) or _given(metadata), folder, recipe.get("seed", metadata.seed))
        for file, folder, recipe in _teachers(metadata)
    ]
    return "\n".join([*commands, _fit("recipe.toml", _given(metadata), f"build/{metadata.name}", metadata.seed)])


def sources(recipe: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The recipe's `[[data.sources]]`."""
    yield from recipe.get("data", {}).get("sources", [])


def _teachers(metadata: Metadata) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """File name for the recipe, folder and recipe of each."""
    for number, (folder, recipe) in enumerate(metadata.teacher_recipes.items(), start=1):
        yield f"teacher-{number}.toml", folder, recipe


def _files(found: Iterator[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(source["file"] for source in found))


def _given(metadata: Metadata) -> list[str]:
    return [file.file for file in metadata.data] or ["FILES"]


def _fit(recipe: str, files: list[str], out: str, seed: int) -> str:
    return f"python -m training fit {shlex.join([recipe, '--data', *files, '--out', out])} --seed {seed}"


def _said(metadata: Metadata, file: str, key: str) -> str:
    """What the recipe's sources of this file say, each thing once, or else its data; a dash where neither does."""
    found = [str(source.get(key) or "") for source in sources(metadata.recipe) if source.get("file") == file]
    of_all = str(metadata.recipe.get("data", {}).get(key) or "–")
    return " ".join(dict.fromkeys(filter(None, found))) or of_all
