"""Hyperparameter search over the knobs of a recipe, by Optuna, with the best recipe always on disk.

Akiba et al. 2019, "Optuna" (https://arxiv.org/abs/1907.10902). What is tried next is chosen by the tree-structured
Parzen estimator of Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization", after ten trials at random.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from training.console import Display, as_rich, duration
from training.data.dataset import load_dataset
from training.errors import PublishError, ResumeError
from training.evaluation.tables import Table
from training.fit.trainer import read_inputs
from training.model import backend
from training.recipe.loading import as_toml
from training.recipe.recipe import Recipe
from training.tuning.space import SearchSpace, Values

HEADER = "# Found by `python -m training tune`"
LEADERBOARD_ROWS = 10

Objective = Callable[[Recipe], float]


@dataclass(frozen=True, slots=True)
class Trial:
    """A finished trial: Optuna's number, the knobs' values, mean validation macro recall, seconds of wall time."""

    number: int
    values: Values
    score: float
    seconds: float


class Search:
    """One search, which can be interrupted and gone on with.

    What is tried next depends only on the seed, the space and the finished trials, so an interrupted search goes on as
    if it had not been, as far as equal trainings give equal figures.

    Args:
        recipe: A recipe with `[tune]`.
        paths: Data files.
        best_recipe: The TOML file for the best recipe.
        study: Optuna's SQLite file of the trials, made where it is missing; for one process at a time.
        display: Where the trials are shown.
        objective: Gives a recipe its score, the greater the better.

    Raises:
        RecipeError: The ranges are at fault.
        DataError: The data, word vectors or a teacher are.
        PublishError: The best recipe may not be written to its place.
    """

    def __init__(
        self,
        recipe: Recipe,
        paths: Sequence[Path],
        best_recipe: Path,
        study: Path,
        display: Display,
        objective: Objective,
    ) -> None:
        self.recipe, self.display, self.objective = recipe, display, objective
        self.best_recipe, self.study = best_recipe, study
        self.space = SearchSpace(recipe)
        self.dataset = load_dataset(paths, recipe.data, recipe.split_seed)
        self.inputs = read_inputs(recipe, paths, self.dataset)
        self.libraries = {**backend.library_versions(), "optuna": metadata.version("optuna")}
        check_best_recipe(best_recipe)

    def run(self, trials: int | None = None, minutes: float | None = None) -> Trial:
        """Try until there are so many finished trials, those of earlier runs among them.

        The first trial is the recipe as it stands, so the best is no worse than that.

        Args:
            trials: How many; None: as many as the recipe says.
            minutes: After these no other trial begins but the first of the run; None: no limit.

        Returns:
            The best trial.

        Raises:
            ResumeError: The study is of another search.
            TrainingError: A training failed.
        """
        n_trials, start = trials or self.space.tune.trials, time.monotonic()
        self.display.on_dataset(self.dataset.cleaning, self.dataset.sizes())
        with open_study(self.study, self._identity()) as study:

            def after_trial(study: optuna.Study, _: FrozenTrial) -> None:
                finished = self._finished(study)
                self._write_best(finished)
                line = progress_line(finished, n_trials)
                self.display.console.print(line, highlight=False, markup=False, emoji=False, soft_wrap=True)
                study.sampler = self._sampler(len(finished))
                if minutes is not None and time.monotonic() - start >= 60 * minutes:
                    study.stop()

            finished = self._finished(study)
            study.sampler = self._sampler(len(finished))
            if not finished:
                study.enqueue_trial(self.space.start_params)
            study.optimize(self._run_trial, n_trials=max(0, n_trials - len(finished)), callbacks=[after_trial])
            finished = self._finished(study)
        self._write_best(finished)
        self.display.console.print(as_rich(leaderboard(finished)))
        return best_trial(finished)

    def _run_trial(self, trial: optuna.Trial) -> float:
        values = self.space.suggest(trial)
        for earlier in self._finished(trial.study):
            if earlier.values == values:  # a second training would end at the same figure
                return earlier.score
        return fmean(map(self.objective, _with_seeds(self.space.recipe(values), self.space.tune.seeds)))

    def _finished(self, study: optuna.Study) -> list[Trial]:
        """The trials that have a figure, in the order in which they were begun."""
        return [
            Trial(trial.number, self.space.suggest(trial), trial.value, trial.duration.total_seconds())
            for trial in study.get_trials(states=(TrialState.COMPLETE,))
            if trial.value is not None and trial.duration is not None
        ]

    def _sampler(self, finished: int) -> optuna.samplers.BaseSampler:
        """One for the next trial alone, so that what it chooses does not depend on how many runs there were."""
        (seed,) = np.random.SeedSequence([self.recipe.seed, finished]).generate_state(1)
        return optuna.samplers.TPESampler(seed=int(seed))

    def _identity(self) -> dict[str, Any]:
        """What must be equal for a search to go on; how many trials it is to have may change."""
        return {
            "recipe": self.recipe.model_dump(mode="json", exclude={"tune": {"trials"}}),
            "data": self.inputs.hashes,
            "teachers": self.inputs.teacher_versions,
            "vectors": self.inputs.vectors_hash,
            "libraries": self.libraries,
        }

    def _write_best(self, finished: Sequence[Trial]) -> None:
        best, digests = self.space.recipe(best_trial(finished).values), [digest for _, digest in self.inputs.digests]
        best = best.model_copy(update={"data": best.data.model_copy(update={"found_on": digests})})
        write_best_recipe(self.best_recipe, best, finished, self._facts())

    def _facts(self) -> list[str]:
        rows = {file.sha256: f", {file.rows:,} rows" for file in self.dataset.files}
        seeds = self.space.tune.seeds
        libraries = ", ".join(f"{name} {version}" for name, version in self.libraries.items())
        return [
            *([f"figures: means of {seeds} seeds from {self.recipe.seed} on"] if seeds > 1 else []),
            *(f"data: {name}{rows.get(digest, '')}, sha256 {digest}" for name, digest in self.inputs.hashes),
            *(f"teacher: {folder}, version {version}" for folder, version in self.inputs.teacher_versions.items()),
            *([f"word vectors: sha256 {self.inputs.vectors_hash}"] if self.recipe.vectors else []),
            f"libraries: {libraries}",
        ]


@contextmanager
def open_study(path: Path, identity: Mapping[str, Any]) -> Iterator[optuna.Study]:
    """Optuna's study in an SQLite file, made where it is missing and bound to one search.

    Args:
        path: The file.
        identity: Anything JSON that must be equal for a search to go on.

    Raises:
        ResumeError: The file is no study, or that of another search.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # a trial that fails is told by the error that it raises
    _check_is_sqlite(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
        study = optuna.create_study(storage=storage, study_name="tune", direction="maximize", load_if_exists=True)
    except (OSError, SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
        raise ResumeError(f"{path}: holds no search that can be continued: {error}") from error
    try:
        _bind(study, path, json.loads(json.dumps(identity)))
        yield study
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _bind(study: optuna.Study, path: Path, identity: dict[str, Any]) -> None:
    stored = study.user_attrs.get("identity")
    if stored is None:
        study.set_user_attr("identity", identity)
    elif stored != identity:
        changed = sorted(key for key in stored.keys() | identity.keys() if stored.get(key) != identity.get(key))
        raise ResumeError(
            f"{path}: holds trials of another search, which differs in {changed}; accepted: this search's own file, or "
            "a new one"
        )


def _check_is_sqlite(path: Path) -> None:
    """Before SQLAlchemy, which leaves its connection open where the file is of another kind."""
    magic = b"SQLite format 3\0"
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as file:
            if file.read(len(magic)) != magic:
                raise ResumeError(f"{path}: holds no trials of a search; accepted: a new file, or a search's")


def best_trial(trials: Sequence[Trial]) -> Trial:
    """The trial of the greatest score; of equal ones the first."""
    return max(trials, key=lambda trial: trial.score)


def progress_line(trials: Sequence[Trial], n_trials: int) -> str:
    """A line on the last of these trials; the time to come is guessed from all of them."""
    last = trials[-1]
    seconds = fmean(trial.seconds for trial in trials) * max(0, n_trials - len(trials))
    score = f"macro recall {last.score:.4f}{'  best' if best_trial(trials) is last else ''}"
    times = f"{duration(last.seconds)}, about {duration(seconds)} left"
    return f"{len(trials)}/{n_trials}  trial {last.number}  {score}  {times}  {changes(last.values, trials[0].values)}"


def leaderboard(trials: Sequence[Trial]) -> Table:
    """The best ten; of equal ones the first is the better."""
    best = sorted(trials, key=lambda trial: -trial.score)[:LEADERBOARD_ROWS]
    rows = [(changes(t.values, trials[0].values), str(t.number), f"{t.score:.4f}", duration(t.seconds)) for t in best]
    title = f"Best of {len(trials)} trials, on the validation part"
    return Table(title, ("changed", "trial", "macro recall", "time"), rows)


def changes(values: Mapping[str, Any], start: Mapping[str, Any]) -> str:
    """The knobs that differ from the start, with their values."""
    shown = {key: f"{value:.4g}" if isinstance(value, float) else value for key, value in values.items()}
    return ", ".join(f"{key} = {shown[key]}" for key in values if values[key] != start[key]) or "nothing"


def _result_sentences(trials: Sequence[Trial]) -> list[str]:
    start, best = trials[0], best_trial(trials)
    return [
        f"trial {best.number}, the best of {len(trials)} on the validation part: macro recall {best.score:.4f}, "
        f"where the recipe as it stood has {start.score:.4f}",
        f"changed: {changes(best.values, start.values)}",
    ]


def _with_seeds(recipe: Recipe, seeds: int) -> Iterator[Recipe]:
    """The recipe with its own seed and those after it, on one split: another one's validation part may be its test."""
    yield recipe
    data = recipe.data.model_copy(update={"split_seed": recipe.split_seed})
    for number in range(1, seeds):
        yield recipe.model_copy(update={"seed": (recipe.seed + number) % 2**31, "data": data})


def check_best_recipe(path: Path) -> None:
    """That the best recipe may be written there: to a new TOML file, or over one of an earlier search.

    Raises:
        PublishError: It may not.
    """
    if path.suffix != ".toml":
        raise PublishError(f"--out: found {path}; accepted: a file that ends in .toml")
    if path.is_dir() or (path.exists() and not _is_best_recipe(path)):
        raise PublishError(f"{path}: is not the best recipe of a search; accepted: a new file, or one to replace")


def write_best_recipe(path: Path, recipe: Recipe, trials: Sequence[Trial], facts: Sequence[str]) -> None:
    """Write the recipe of the best of these trials, whole or not at all.

    Args:
        path: The TOML file.
        recipe: The recipe.
        trials: The finished trials, which its head tells of.
        facts: More sentences for its head, of data and libraries.

    Raises:
        PublishError: The file cannot be written.
    """
    comments = [f"# {_printable(sentence)}" for sentence in (*_result_sentences(trials), *facts)]
    content = "\n".join([HEADER, *comments, "", as_toml(recipe.model_dump(mode="json"))])
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise PublishError(f"{path}: cannot be written ({error.strerror})") from error


def _is_best_recipe(path: Path) -> bool:
    content = path.read_text(encoding="utf-8", errors="replace")
    return content.startswith(HEADER) and "\n[tune" not in content  # a recipe with ranges is for a search to read


def _printable(sentence: str) -> str:
    """Without what a comment of TOML cannot hold, as a file's name can."""
    return "".join(sign if sign.isprintable() else "?" for sign in sentence)
