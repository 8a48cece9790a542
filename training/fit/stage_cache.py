"""Bodies that were pre-trained once and serve many runs: one file for each chain of stages."""

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

UNREAD = {"about", "terms", "found_on", "validation", "test", "split_seed"}
FORMAT = 6  # raised when what a stage sees of equal recipes and files changes


@dataclass(frozen=True)
class PretrainedBody:
    """A trained body after its first `stages` stages, and what a run needs to go on with it.

    `state`: JSON of the tokenizer, the tasks, the history and what was cleaned; `weights`: of the whole multitask.
    """

    stages: int
    state: dict[str, Any]
    weights: Arrays


class StageCache:
    """Arguments: the folder, or None for a cache that keeps nothing; the recipe; what else decides what a body is:
    name and sha256 of each file in their order, the model version of each teacher by its folder, the libraries,
    `labelled`, a digest of the labelled texts in all parts, which no weak stage reads, and the sha256 of word vectors.

    So a body that read weak labels alone serves every recipe with the same labelled texts, whatever is a test there.
    Raises ResumeError where the folder cannot be written to, before anything is trained for it.
    """

    def __init__(
        self,
        folder: Path | None,
        recipe: Recipe,
        files: Sequence[tuple[str, str]],
        teachers: Mapping[str, str],
        libraries: Mapping[str, str],
        labelled: str = "",
        vectors: str = "",
    ) -> None:
        self.folder, self._recipe = folder, recipe
        self._files, self._teachers, self._libraries = list(files), dict(teachers), dict(libraries)
        self._labelled, self._vectors = labelled, vectors
        if folder is not None:
            _check_writable(folder)

    def longest(self) -> PretrainedBody | None:
        """The body that has the most stages behind it, the last one never among them."""
        for stages in range(len(self._recipe.schedule) - 1, 0, -1):
            checkpoint = self._checkpoint(stages)
            if checkpoint and checkpoint.path.exists():
                try:
                    state, arrays = checkpoint.load()
                except ResumeError:  # broken by hand: it is trained again and replaced
                    continue
                return PretrainedBody(stages, state, arrays["weights"])
        return None

    def keep(self, stages: int, state: Mapping[str, Any], weights: Arrays) -> None:
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
        recipe, done = self._recipe, self._recipe.schedule[:stages]
        seeds = [recipe.seed if stage.seed is None else stage.seed for stage in done]
        return {
            "tokenizer": _said(recipe.tokenizer),
            "network": _said(recipe.network),
            **(self._all_data() if self._sees_the_split(done) else self._weak_data()),
            "format": FORMAT,
            "stages": [_said(stage, "name", "teachers") for stage in done],
            "teachers": [[self._teachers[folder] for folder in stage.teachers] for stage in done],
            "seeds": seeds,
            "words": any(stage.masked_words for stage in recipe.schedule),
            "libraries": self._libraries,
            **self._started_from(),
        }

    def _sees_the_split(self, done: Sequence[Stage]) -> bool:
        """Whether anything read by then is decided by it: labelled rows, or a task's labels beside them."""
        return _reads_labels(self._recipe, done) or bool(self._recipe.data.second_columns)

    def _started_from(self) -> dict[str, Any]:
        said = self._recipe.vectors
        return {"vectors": [self._vectors, _said(said, "file", "about", "terms")]} if said else {}

    def _all_data(self) -> dict[str, Any]:
        data = self._recipe.data
        content, sources = _said(data, *UNREAD, "sources"), [_said(source, *UNREAD) for source in data.sources]
        split = [self._recipe.split_seed, data.validation, data.test]
        return {"data": content, "sources": sources, "split": split, "files": [list(file) for file in self._files]}

    def _weak_data(self) -> dict[str, Any]:
        data = self._recipe.data
        content = data.model_dump(mode="json", include={"text", "label", "encoding", "quoted"})
        sources = [_said(source, *UNREAD) for source in data.task_sources]
        names = {source.file for source in data.task_sources}
        files = [list(file) for file in self._files if file[0] in names]
        drawn = self._recipe.split_seed if any(source.rows for source in data.task_sources) else None
        return {"data": content, "sources": sources, "split": drawn, "files": files, "labelled": self._labelled}


def _said(table: ConfigSection, *unread: str) -> dict[str, Any]:
    """What a table says beside its defaults, so that a knob that comes later leaves the bodies of today as they are."""
    return table.model_dump(mode="json", exclude=set(unread), exclude_defaults=True)


def _reads_labels(recipe: Recipe, done: Sequence[Stage]) -> bool:
    """Whether by then anything was read of labelled rows, which their split decides."""
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
