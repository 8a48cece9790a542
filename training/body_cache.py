"""Bodies that were pre-trained once and serve many runs: one file for each chain of stages."""

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.checkpoint import Arrays, Checkpoint
from training.errors import ResumeError
from training.recipe import Recipe
from training.schedule import Stage

FORMAT = 1  # raised when what a stage sees of equal recipes and files changes


@dataclass(frozen=True)
class Body:
    """A trained body after its first `stages` stages, and what a run needs to go on with it.

    `state`: JSON of the tokenizer, the tasks, the history and what was cleaned; `weights`: of the whole trainee.
    """

    stages: int
    state: dict[str, Any]
    weights: Arrays


class BodyCache:
    """Arguments: the folder, or None for a cache that keeps nothing; the recipe; what else decides what a body is:
    name and sha256 of each file in their order, the model version of each teacher by its folder, and the libraries.

    Raises ResumeError where the folder cannot be written to, before anything is trained for it.
    """

    def __init__(
        self,
        folder: Path | None,
        recipe: Recipe,
        files: Sequence[tuple[str, str]],
        teachers: Mapping[str, str],
        libraries: Mapping[str, str],
    ) -> None:
        self.folder, self._recipe = folder, recipe
        self._files, self._teachers, self._libraries = list(files), dict(teachers), dict(libraries)
        if folder is not None:
            _check_writable(folder)

    def longest(self) -> Body | None:
        """The body that has the most stages behind it, the last one never among them."""
        for stages in range(len(self._recipe.schedule) - 1, 0, -1):
            checkpoint = self._checkpoint(stages)
            if checkpoint and checkpoint.path.exists():
                try:
                    state, arrays = checkpoint.load()
                except ResumeError:  # broken by hand: it is trained again and replaced
                    continue
                return Body(stages, state, arrays["weights"])
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
        content = recipe.model_dump(mode="json", include={"data", "tokenizer", "network"})
        for table in (content["data"], *content["data"]["sources"]):
            table.update(about="", terms="")
        content["data"].update(split_seed=None, validation=0.0, test=0.0)
        split = [recipe.split_seed, recipe.data.validation, recipe.data.test]
        return {
            **content,
            "format": FORMAT,
            "stages": [stage.model_dump(mode="json", exclude={"name", "teachers"}) for stage in done],
            "teachers": [self._teachers[folder] for stage in done for folder in stage.teachers],
            "seeds": seeds,
            "words": any(stage.masked_words for stage in recipe.schedule),
            "split": split if _sees_split(recipe, done) else None,
            "files": [list(file) for file in self._files],
            "libraries": self._libraries,
        }


def _sees_split(recipe: Recipe, done: Sequence[Stage]) -> bool:
    """Whether by then anything was read that another split would change."""
    tasks = {source.key for source in recipe.data.task_sources}
    read = [set(stage.sources) for stage in done] + [set(recipe.tokenizer.sources)]
    labelled = any(not sources or sources - tasks for sources in read)
    drawn = any(source.rows for source in recipe.data.sources)
    return labelled or drawn or any(stage.teachers for stage in done)


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ResumeError(f"{folder}: cannot be written ({error.strerror}); accepted: a folder of your own") from error
