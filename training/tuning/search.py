"""Hyperparameter search over the knobs of a recipe, by Optuna, with the best recipe always on disk.

Akiba et al. 2019, "Optuna" (https://arxiv.org/abs/1907.10902). What is tried next is chosen by the tree-structured
Parzen estimator of Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization", after ten trials at random.
"""

import math
import os
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from training.console import Display, as_rich, duration
from training.data.checks import check_fresh
from training.data.found_fields import load_rows
from training.errors import PublishError
from training.evaluation.tables import Table
from training.fit.trainer import read_inputs
from training.model import backend
from training.recipe.loading import as_toml
from training.recipe.recipe import Recipe
from training.tuning.heartbeat import BEAT_SECONDS, Heartbeat
from training.tuning.space import SearchSpace, Values
from training.tuning.storage import Storage, bind_study, end_trial, is_shared, open_study, storage_name

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
    """One search, which can be interrupted and gone on with, and which several machines can share.

    In one process, what is tried next depends only on the seed, the space and the finished trials, so an interrupted
    search goes on as if it had not been, as far as equal trainings give equal figures. Where several processes share a
    storage, they have no common order, and each is given what none of the others tries at that time.

    Args:
        recipe: A recipe with `[tune]`.
        paths: Data files.
        best_recipe: The TOML file for the best recipe.
        storage: Where the trials are kept; what is missing is made.
        display: Where the trials are shown.
        objective: Gives a recipe its score, the greater the better.
        beat_seconds: How often it is shown to others that a trial goes on, where the storage is shared.

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
        storage: Storage,
        display: Display,
        objective: Objective,
        beat_seconds: float = BEAT_SECONDS,
    ) -> None:
        check_fresh(recipe)
        self.recipe, self.display, self.objective = recipe, display, objective
        self.best_recipe, self.storage, self.beat_seconds = best_recipe, storage, beat_seconds
        self.space = SearchSpace(recipe)
        _, self.dataset = load_rows(recipe, paths)
        self.inputs = read_inputs(recipe, paths, self.dataset)
        self.libraries = {**backend.library_versions(), "optuna": metadata.version("optuna")}
        check_best_recipe(best_recipe)

    def run(self, trials: int | None = None, minutes: float | None = None) -> Trial:
        """Try until there are so many finished trials, those of earlier runs and of other machines among them.

        The first trial is the recipe as it stands, so the best is no worse than that.

        Args:
            trials: How many; None: as many as the recipe says.
            minutes: After these no other trial begins but the first of the run; None: no limit.

        Returns:
            The best trial.

        Raises:
            ResumeError: The study is of another search, or cannot be read or written.
            TrainingError: A training failed.
        """
        n_trials = trials or self.space.tune.trials
        deadline = math.inf if minutes is None else time.monotonic() + 60 * minutes
        self.display.on_dataset(self.dataset.cleaning, self.dataset.sizes())
        name = self.recipe.name if is_shared(self.storage) else "tune"
        with open_study(self.storage, name, self._identity()) as study:
            heartbeat = Heartbeat(study, self.beat_seconds, self.display.on_note)
            with heartbeat if is_shared(self.storage) else nullcontext():
                self._try_until(study, heartbeat, n_trials, deadline)
            finished = self._finished(study)
        self._write_best(finished)
        self.display.console.print(as_rich(leaderboard(finished, self.space.start)))
        return best_trial(finished)

    def _try_until(self, study: optuna.Study, heartbeat: Heartbeat, n_trials: int, deadline: float) -> None:
        waits = False
        while len(self._finished(study)) < n_trials:
            tried = self._try_once(study, heartbeat, n_trials)
            if not tried:
                if not waits:
                    self.display.on_note("All trials have begun. Waiting for those of other machines.")
                heartbeat.wait()
            waits = not tried
            if time.monotonic() >= deadline and self._finished(study):
                return

    def _try_once(self, study: optuna.Study, heartbeat: Heartbeat, n_trials: int) -> bool:
        """One trial. False where none was left: other machines have begun them all."""
        bind_study(study, storage_name(self.storage), self._identity())  # again: two searches may begin at once
        with heartbeat.lock:
            if len(self._others(study)) >= n_trials:
                return False
            trial = study.ask()
        earlier = [other for other in self._others(study, TrialState.WAITING) if other.number < trial.number]
        if len(earlier) >= n_trials:  # another machine took the last place meanwhile
            end_trial(study, trial)
            return False
        study.sampler = self._sampler(trial, earlier)
        heartbeat.trial = trial
        try:
            score = self._score(trial)
        except BaseException:
            end_trial(study, trial)
            raise
        finally:
            heartbeat.trial = None
        if end_trial(study, trial, score):
            self._show(study, trial.number, n_trials)
        else:
            self.display.on_note(f"Trial {trial.number}: this machine was silent for too long; another one has it now.")
        return True

    def _others(self, study: optuna.Study, *more: TrialState) -> list[FrozenTrial]:
        """The trials that have a figure or will have one. In a file of one process, none goes on but its own."""
        states = (TrialState.COMPLETE, TrialState.RUNNING, *more) if is_shared(self.storage) else (TrialState.COMPLETE,)
        return study.get_trials(deepcopy=False, states=states)

    def _score(self, trial: optuna.Trial) -> float:
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

    def _sampler(self, trial: optuna.Trial, earlier: Sequence[FrozenTrial]) -> optuna.samplers.BaseSampler:
        """One for this trial alone, so that what it chooses does not depend on how many runs there were."""
        shared = is_shared(self.storage)
        entropy = [self.recipe.seed, trial.number if shared else len(earlier)]
        (seed,) = np.random.SeedSequence(entropy).generate_state(1)
        sampler, start = optuna.samplers.TPESampler(seed=int(seed), constant_liar=shared), self.space.start_params
        if any(other.params.items() <= start.items() for other in earlier):  # one may still be choosing its values
            return sampler
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.samplers.PartialFixedSampler(start, sampler)

    def _show(self, study: optuna.Study, number: int, n_trials: int) -> None:
        """Write the best recipe, and print a line on the trial of this number, which has just finished."""
        finished = self._finished(study)
        self._write_best(finished)
        last = next(trial for trial in finished if trial.number == number)
        machines = 1 + len(self._others(study)) - len(finished)
        line = progress_line(finished, last, n_trials, self.space.start, machines)
        self.display.console.print(line, highlight=False, markup=False, emoji=False, soft_wrap=True)

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
        write_best_recipe(self.best_recipe, best, finished, self.space.start, self._facts())

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


def best_trial(trials: Sequence[Trial]) -> Trial:
    """The trial of the greatest score; of equal ones the first."""
    return max(trials, key=lambda trial: trial.score)


def progress_line(trials: Sequence[Trial], last: Trial, n_trials: int, start: Values, machines: int = 1) -> str:
    """A line on the last of the finished trials.

    The time to come is guessed from all of them, and from how many machines are at work.
    """
    seconds = fmean(trial.seconds for trial in trials) * max(0, n_trials - len(trials)) / machines
    score = f"macro recall {last.score:.4f}{'  best' if best_trial(trials) is last else ''}"
    times = f"{duration(last.seconds)}, about {duration(seconds)} left"
    return f"{len(trials)}/{n_trials}  trial {last.number}  {score}  {times}  {changes(last.values, start)}"


def leaderboard(trials: Sequence[Trial], start: Values) -> Table:
    """The best ten; of equal ones the first is the better."""
    best = sorted(trials, key=lambda trial: -trial.score)[:LEADERBOARD_ROWS]
    rows = [(changes(t.values, start), str(t.number), f"{t.score:.4f}", duration(t.seconds)) for t in best]
    title = f"Best of {len(trials)} trials, on the validation part"
    return Table(title, ("changed", "trial", "macro recall", "time"), rows)


def changes(values: Mapping[str, Any], start: Mapping[str, Any]) -> str:
    """The knobs that differ from the start, with their values."""
    shown = {key: f"{value:.4g}" if isinstance(value, float) else value for key, value in values.items()}
    return ", ".join(f"{key} = {shown[key]}" for key in values if values[key] != start[key]) or "nothing"


def _result_sentences(trials: Sequence[Trial], start: Values) -> list[str]:
    best = best_trial(trials)
    unchanged = [f"{trial.score:.4f}" for trial in trials if trial.values == start]
    return [
        f"trial {best.number}, the best of {len(trials)} on the validation part: macro recall {best.score:.4f}, "
        f"where the recipe as it stood has {unchanged[0] if unchanged else 'no figure yet'}",
        f"changed: {changes(best.values, start)}",
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


def write_best_recipe(path: Path, recipe: Recipe, trials: Sequence[Trial], start: Values, facts: Sequence[str]) -> None:
    """Write the recipe of the best of these trials, whole or not at all.

    Args:
        path: The TOML file, which several machines may write.
        recipe: The recipe.
        trials: The finished trials, which its head tells of.
        start: The values of the recipe as it stood.
        facts: More sentences for its head, of data and libraries.

    Raises:
        PublishError: The file cannot be written.
    """
    comments = [f"# {_printable(sentence)}" for sentence in (*_result_sentences(trials, start), *facts)]
    content = "\n".join([HEADER, *comments, "", as_toml(recipe.model_dump(mode="json"))])
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise PublishError(f"{path}: cannot be written ({error.strerror})") from error


def _is_best_recipe(path: Path) -> bool:
    content = path.read_text(encoding="utf-8", errors="replace")
    return content.startswith(HEADER) and "\n[tune" not in content  # a recipe with ranges is for a search to read


def _printable(sentence: str) -> str:
    """Without what a comment of TOML cannot hold, as a file's name can."""
    return "".join(sign if sign.isprintable() else "?" for sign in sentence)
