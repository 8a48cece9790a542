"""Provenance of a model: files, cleaning, parts, libraries, and the commands that make it again."""

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

from serving.model.metadata import DataFile, Metadata
from training.evaluation.tables import Table, count
from training.recipe.stages import KeepPolicy


def file_table(metadata: Metadata) -> Table:
    """What each file is, its terms, the start of its sha256, its rows; last those that only a teacher learned from."""
    rows = [_file_row(metadata.recipe, file) for file in metadata.data]
    rows += [*_of_teachers(metadata), *_vectors(metadata)]
    return Table("Files", ("file", "what it is", "terms", "sha256", "rows"), rows, words=4)


def _file_row(recipe: dict[str, Any], file: DataFile) -> tuple[str, ...]:
    about, terms = (_describe(recipe, file.file, key) for key in ("about", "terms"))
    return file.file, about, terms, file.sha256[:12], count(file.rows)


def _of_teachers(metadata: Metadata) -> Iterator[tuple[str, ...]]:
    listed = {file.sha256 for file in metadata.data}
    for folder, files in metadata.teacher_data.items():
        for file in files:
            if file.sha256 not in listed:
                listed.add(file.sha256)
                recipe = metadata.teacher_recipes.get(folder, {})
                name, about, *cells = _file_row(recipe, file)
                if name == PurePath(folder).name:
                    yield _answers_row(recipe, file)
                else:
                    yield name, f"of the teacher {folder} alone: {about}", *cells


def _answers_row(recipe: dict[str, Any], file: DataFile) -> tuple[str, ...]:
    encoder = recipe.get("encoder", {})
    about = f"a teacher's answers; its encoder: {encoder.get('about') or '–'}"
    return file.file, about, encoder.get("terms") or "–", file.sha256[:12], f"{count(file.rows)} texts"


def _vectors(metadata: Metadata) -> Iterator[tuple[str, ...]]:
    if file := metadata.vectors:
        section = metadata.recipe.get("vectors", {})
        about = f"word vectors: {section.get('about') or '–'}"
        yield file.file, about, section.get("terms") or "–", file.sha256[:12], f"{count(file.rows)} words"


def split_table(metadata: Metadata) -> Table:
    """Rows of each class in each part."""
    parts = list(metadata.split)
    rows = [(label, *(count(metadata.split[part].get(label, 0)) for part in parts)) for label in metadata.labels]
    total = ("all", *(count(sum(metadata.split[part].values())) for part in parts))
    return Table("Parts by class", ("class", *parts), [*rows, total] if parts else [])


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
    """The shell commands, a line each, that train the same model from its recipes and files, its teachers first.

    One that goes on from a bundle needs that one, which may be in use where it stands: its own card has its commands.
    """
    commands = [
        _answers(name, folder, metadata)
        if "encoder" in recipe
        else _fit(
            name, metadata.teacher_data.get(folder, metadata.data), _place(folder), recipe.get("seed", metadata.seed)
        )
        for name, folder, recipe in _teachers(metadata)
    ]
    bundled = metadata.recipe.get("data", {}).get("bundled")
    commands.append(_fit("recipe.toml", metadata.data, f"build/{metadata.name}", metadata.seed, f"{bundled}.csv"))
    return "\n".join(dict.fromkeys(line for lines in commands for line in lines.splitlines()))


def keep_policy(metadata: Metadata, stage: str | None = None) -> KeepPolicy:
    """Which epoch a stage keeps: best or last. No stage named: the last one, whose epoch the network is of."""
    fit = metadata.recipe.get("fit", {})
    stages = metadata.recipe.get("stages") or [fit]
    section = next((entry for entry in stages if stage and entry.get("name") == stage), stages[-1])
    policy: KeepPolicy = section.get("keep", fit.get("keep", "best"))
    return policy


def vectors_path(metadata: Metadata) -> str:
    """Where the recipe looks for word vectors; empty where it has none."""
    path: str = metadata.recipe.get("vectors", {}).get("file", "") if metadata.vectors else ""
    return path


def _teachers(metadata: Metadata) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """File name for the recipe, folder and recipe of each; one for two files that an encoder wrote.

    None of what goes on from a bundle.
    """
    if "start" in metadata.recipe:
        return
    names: dict[str, str] = {}
    for folder, recipe in metadata.teacher_recipes.items():
        name = names.setdefault(json.dumps(recipe, sort_keys=True), f"teacher-{len(names) + 1}.toml")
        yield name, folder, recipe


def _place(teacher: str) -> str:
    """The folder of a teacher, which for one that stood there before another goes by its version too."""
    return re.sub(r" [0-9a-f]{12}$", "", teacher)


def _answers(recipe: str, path: str, metadata: Metadata) -> str:
    """Two commands: an encoder is tuned, and its answers are written."""
    folder = f"build/{recipe.removesuffix('.toml')}"
    names = list(dict.fromkeys(file.file for file in metadata.data)) or ["FILES"]
    tuning = shlex.join([recipe, "--data", *names, "--out", folder])
    answering = shlex.join([recipe, "--data", *names, "--teacher", folder, "--out", path])
    return f"python -m training finetune {tuning}\npython -m training answers {answering}"


def _fit(recipe: str, files: Sequence[DataFile], out: str, seed: int | None, bundled: str = "") -> str:
    names = list(dict.fromkeys(file.file for file in files)) or ["FILES"]
    options = [] if seed is None else ["--seed", str(seed)]
    data = [] if names == [bundled] else ["--data", *names]
    return f"python -m training fit {shlex.join([recipe, *data, '--out', out, *options])}"


def _describe(recipe: dict[str, Any], file: str, key: str) -> str:
    """What the recipe's sources of this file say, each thing once, or else its data; a dash where neither does."""
    data = recipe.get("data", {})
    sources = [source for source in data.get("sources", []) if source.get("file") == file]
    descriptions = filter(None, (str(source.get(key) or "") for source in sources))
    return " ".join(dict.fromkeys(descriptions)) or str(data.get(key) or "–")
