"""Cache of pre-trained bodies that many runs start from: one file for each chain of first stages."""

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.errors import ResumeError
from training.fit.checkpoint import Arrays, Checkpoint
from training.recipe.base import ConfigSection
from training.recipe.recipe import Recipe
from training.recipe.stages import Stage

# Keys of data that decide nothing, or are told apart as the split.
UNREAD = {"about", "terms", "found_on", "validation", "test", "split_seed"}
FORMAT = 7  # raised when what a stage sees of equal recipes and files changes


@dataclass(frozen=True)
class PretrainedBody:
    """A model after its first stages, and what a run needs to go on with it.

    Attributes:
        stages: How many are done.
        state: JSON: the input file, the tasks, the history, and the files and cleaning of pre-training.
        weights: Of `MultiTaskModel.full_model`.
    """

    stages: int
    state: dict[str, Any]
    weights: Arrays


@dataclass(frozen=True)
class StageCache:
    """Bodies by all that decides them: the recipe up to their last stage, and what they learned from.

    A body that read weak labels alone serves every recipe with the same labelled texts, whatever is a test there.

    Args:
        folder: None for a cache that keeps nothing.
        recipe: The recipe.
        files: Name and sha256 of each data file, in the order in which they are read.
        teachers: Model version of each teacher, by its folder or its file of answers.
        libraries: Versions of the libraries that shape a model.
        labelled: Digest of the labelled texts of all parts, which no weak stage reads.
        vectors: sha256 of the file of word vectors.
        format_version: Bodies of another one are not read.

    Raises:
        ResumeError: The folder cannot be written to; told before anything is trained for it.
    """

    folder: Path | None
    recipe: Recipe
    files: Sequence[tuple[str, str]]
    teachers: Mapping[str, str]
    libraries: Mapping[str, str]
    labelled: str = ""
    vectors: str = ""
    format_version: int = FORMAT

    def __post_init__(self) -> None:
        if self.folder is not None:
            _check_writable(self.folder)

    def longest(self) -> PretrainedBody | None:
        """The body that has the most stages behind it, the last one never among them."""
        for stages in range(len(self.recipe.schedule) - 1, 0, -1):
            checkpoint = self._checkpoint(stages)
            if checkpoint and checkpoint.path.exists():
                try:
                    state, arrays = checkpoint.load()
                except ResumeError:  # broken by hand: it is trained again and replaced
                    continue
                return PretrainedBody(stages, state, arrays["weights"])
        return None

    def save(self, stages: int, state: Mapping[str, Any], weights: Arrays) -> None:
        """Write the body after so many stages."""
        if checkpoint := self._checkpoint(stages):
            checkpoint.save(state, {"weights": weights})

    def _checkpoint(self, stages: int) -> Checkpoint | None:
        if self.folder is None:
            return None
        identity = self._identity(stages)
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        return Checkpoint(self.folder, identity, f"{digest[:16]}.npz")

    def _identity(self, stages: int) -> dict[str, Any]:
        """All that decides what the body is after so many stages; the split only where it is seen by then."""
        recipe, done = self.recipe, self.recipe.schedule[:stages]
        vectors = recipe.vectors
        started_from = [self.vectors, _non_defaults(vectors, "file", "about", "terms")] if vectors else None
        return {
            "tokenizer": _non_defaults(recipe.tokenizer),
            "network": _non_defaults(recipe.network),
            **({"fields": [_non_defaults(field) for field in recipe.fields]} if recipe.fields else {}),
            **(self._all_data() if _reads_split(recipe, done) else self._weak_data()),
            "format": self.format_version,
            "stages": [_non_defaults(stage, "name", "teachers", "teacher_files") for stage in done],
            "teachers": [[self.teachers[path] for path in (*stage.teachers, *stage.teacher_files)] for stage in done],
            "seeds": [recipe.seed if stage.seed is None else stage.seed for stage in done],
            "words": any(stage.masked_words for stage in recipe.schedule),
            "libraries": dict(self.libraries),
            **({"vectors": started_from} if started_from else {}),
        }

    def _all_data(self) -> dict[str, Any]:
        data = self.recipe.data
        content = _non_defaults(data, *UNREAD, "sources")
        sources = [_non_defaults(source, *UNREAD) for source in data.sources]
        split = [self.recipe.split_seed, data.validation, data.test]
        return {"data": content, "sources": sources, "split": split, "files": [list(file) for file in self.files]}

    def _weak_data(self) -> dict[str, Any]:
        data = self.recipe.data
        content = data.model_dump(mode="json", include={"text", "label", "encoding", "quoted"})
        sources = [_non_defaults(source, *UNREAD) for source in data.task_sources]
        names = {source.file for source in data.task_sources}
        files = [list(file) for file in self.files if file[0] in names]
        seed = self.recipe.split_seed if any(source.rows for source in data.task_sources) else None
        return {"data": content, "sources": sources, "split": seed, "files": files, "labelled": self.labelled}


def _non_defaults(section: ConfigSection, *unread: str) -> dict[str, Any]:
    """What is not at its default, so that a key that comes later leaves the bodies of today as they are."""
    return section.model_dump(mode="json", exclude=set(unread), exclude_defaults=True)


def _reads_split(recipe: Recipe, done: Sequence[Stage]) -> bool:
    """Whether anything read by then is decided by the split: labelled rows, or a task's labels beside them."""
    if recipe.data.second_columns:
        return True
    tasks = {source.key for source in recipe.data.task_sources}
    read = [set(stage.sources) for stage in done] + [set(recipe.tokenizer.sources)]
    return any(not sources or sources - tasks for sources in read) or any(stage.is_taught for stage in done)


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ResumeError(f"{folder}: cannot be written ({error.strerror}); accepted: a folder of your own") from error
