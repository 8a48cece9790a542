"""A search over the knobs of a recipe: trial by trial, each a training, with the best one always on disk."""

import time
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from math import inf
from pathlib import Path
from statistics import fmean
from typing import Any

from serving.bundle import Bundle, sha256
from training import runtime
from training.dataset import load_dataset
from training.display import Display
from training.errors import DataError
from training.preflight import check_vectors
from training.recipe import Recipe
from training.sources import in_order
from training.space import Space, Values
from training.standings import best, progress, standings
from training.study import Study, Trial
from training.winner import Winner

Objective = Callable[[Recipe], float]


class Tuner:
    """One search.

    Arguments: a recipe with `[tune]`; data files; the file for the winner; the study's file; a display; and what
    gives a recipe its score, the greater the better. Raises RecipeError, DataError or PublishError before any
    training where the ranges, the data or the winner's place are at fault, BundleError where a teacher is.
    """

    def __init__(
        self, recipe: Recipe, paths: Sequence[Path], out: Path, study: Path, display: Display, objective: Objective
    ) -> None:
        self.recipe, self.display, self.objective = recipe, display, objective
        self.space = Space(recipe)
        self._dataset = load_dataset(paths, recipe.data, recipe.split_seed)
        self._hashes = [(path.name, _hash(path)) for path in in_order(paths, recipe.data)]
        folders = [folder for stage in recipe.schedule for folder in stage.teachers]
        self._teachers = {folder: Bundle.read(Path(folder)).metadata.model_version for folder in folders}
        check_vectors(recipe)
        self._vectors = sha256(Path(recipe.vectors.file)) if recipe.vectors else ""
        self._libraries = {**runtime.library_versions(), "optuna": metadata.version("optuna")}
        self._winner = Winner(out, self._facts)
        self._study = Study(study, self.space, recipe.seed, self._identity)

    def run(self, trials: int | None = None, minutes: float | None = None) -> Trial:
        """Try until there are so many finished trials, those of earlier runs among them, and return the best.

        `trials` defaults to the recipe's; after `minutes` no other one begins. The first is the recipe as it stands,
        so the best is no worse than that. The winner's file is written after each. Raises TrainingError, ResumeError
        where the study is of another search.
        """
        wanted = trials or self.space.tune.trials
        end = inf if minutes is None else time.monotonic() + 60 * minutes
        self.display.dataset(self._dataset)
        with self._study as study:
            while not study.finished or (len(study.finished) < wanted and time.monotonic() < end):
                self._try(study)
                self._write(study.finished)
                self._show(progress(study.finished, wanted))
            self._write(study.finished)
            self.display.console.print(standings(study.finished))
            return best(study.finished)

    def _try(self, study: Study) -> None:
        values, start = study.ask(), time.monotonic()
        try:
            score = self._score(values, study.finished)
        except Exception:
            study.fail()
            raise
        study.tell(score, time.monotonic() - start)

    def _score(self, values: Values, finished: Sequence[Trial]) -> float:
        for trial in finished:
            if trial.values == values:  # a second training would end at the same figure
                return trial.score
        return fmean(map(self.objective, _seeded(self.space.recipe(values), self.space.tune.seeds)))

    def _show(self, line: str) -> None:
        self.display.console.print(line, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def _write(self, finished: Sequence[Trial]) -> None:
        found = self.space.recipe(best(finished).values)
        learned_from = [
            *(digest for _, digest in self._hashes),
            *filter(None, [self._vectors]),
            *self._teachers.values(),
        ]
        data = found.data.model_copy(update={"found_on": learned_from})
        self._winner.write(found.model_copy(update={"data": data}), finished)

    @property
    def _identity(self) -> dict[str, Any]:
        """Equal for a search that may go on; how many trials it is to have may change."""
        recipe = self.recipe.model_dump(mode="json", exclude={"tune": {"trials"}})
        return {
            "recipe": recipe,
            "data": self._hashes,
            "teachers": self._teachers,
            **({"vectors": self._vectors} if self._vectors else {}),
            "libraries": self._libraries,
        }

    @property
    def _facts(self) -> list[str]:
        rows = {file.sha256: f", {file.rows:,} rows" for file in self._dataset.files}
        data = [f"data: {name}{rows.get(digest, '')}, sha256 {digest}" for name, digest in self._hashes]
        seeds = self.space.tune.seeds
        mean = [f"figures: means of {seeds} seeds from {self.recipe.seed} on"] if seeds > 1 else []
        teachers = [f"teacher: {folder}, version {version}" for folder, version in self._teachers.items()]
        vectors = [f"word vectors: sha256 {self._vectors}"] if self._vectors else []
        libraries = ", ".join(f"{name} {version}" for name, version in self._libraries.items())
        return [*mean, *data, *teachers, *vectors, f"libraries: {libraries}"]


def _seeded(recipe: Recipe, seeds: int) -> Iterator[Recipe]:
    """The recipe with its own seed and those after it, on one split: another one's validation part may be its test."""
    yield recipe
    data = recipe.data.model_copy(update={"split_seed": recipe.split_seed})
    for number in range(1, seeds):
        yield recipe.model_copy(update={"seed": (recipe.seed + number) % 2**31, "data": data})


def _hash(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
