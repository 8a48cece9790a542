"""A search's trials on disk: one SQLite file by Optuna, bound to the recipe, the data and the libraries.

Akiba and others, "Optuna" (arXiv:1907.10902). What is tried next is chosen by the tree-structured Parzen estimator of
Bergstra and others, "Algorithms for Hyper-Parameter Optimization" (NIPS 2011), after ten trials at random.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from training.errors import ResumeError
from training.tuning.space import Space, Values

NAME = "tune"  # of the one study in the file
MAGIC = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class Trial:
    """A finished one: Optuna's number, the knobs' values, mean validation macro recall, seconds of wall time."""

    number: int
    values: Values
    score: float
    seconds: float


class Study:
    """The trials in one file; a context manager, to be used by one process at a time.

    Arguments: the file, made where it is missing; the space; the seed of the choices; and the search's identity,
    anything JSON that must be equal for it to go on. Entering raises ResumeError on a file of another search.

    What is tried next depends only on seed, space and finished trials, so a search that was interrupted goes on as if
    it had not been, as far as equal trainings give equal figures.
    """

    def __init__(self, path: Path, space: Space, seed: int, identity: Mapping[str, Any]) -> None:
        self.path, self.space, self.seed = path, space, seed
        self._identity = json.loads(json.dumps(identity))

    def __enter__(self) -> "Study":
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._open()
        try:
            self._bind()
            self._recover()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    @property
    def finished(self) -> list[Trial]:
        """Those that have a figure, in the order in which they were begun."""
        return [self._trial(trial) for trial in self._in(TrialState.COMPLETE)]

    def ask(self) -> Values:
        """Begin a trial. Returns the values to try."""
        state = np.random.SeedSequence([self.seed, len(self._in(TrialState.COMPLETE))]).generate_state(1)
        self._study.sampler = optuna.samplers.TPESampler(seed=int(state[0]))
        self._asked = self._study.ask(self.space.distributions)
        return self.space.values(self._asked.params)

    def tell(self, score: float, seconds: float) -> Trial:
        """End the trial that was begun, with its figure."""
        values = self.space.values(self._asked.params)
        for name, fact in {"params": values, "value": score, "seconds": seconds}.items():
            self._asked.set_user_attr(name, fact)
        self._study.tell(self._asked, score)
        return Trial(self._asked.number, values, score, seconds)

    def fail(self) -> None:
        """End the trial that was begun, without a figure."""
        self._study.tell(self._asked, state=TrialState.FAIL)

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _check_kind(self.path)
            self._storage = optuna.storages.RDBStorage(f"sqlite:///{self.path}")
            self._study = optuna.create_study(
                storage=self._storage, study_name=NAME, direction="maximize", load_if_exists=True
            )
        except (OSError, SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
            raise ResumeError(f"{self.path}: is no study that can be gone on with: {error}") from error

    def _bind(self) -> None:
        theirs = self._study.user_attrs.get("identity")
        if theirs is None:
            self._study.set_user_attr("identity", self._identity)
        elif theirs != self._identity:
            names = theirs.keys() | self._identity.keys()
            changed = sorted(name for name in names if theirs.get(name) != self._identity.get(name))
            raise ResumeError(
                f"{self.path}: is of another search, which differs in {changed}; accepted: its own file, or a new one"
            )

    def _recover(self) -> None:
        """Make good what a kill left: a trial that was going on begins anew, and the first one is the start."""
        for trial in self._in(TrialState.RUNNING):
            self._study.tell(trial.number, state=TrialState.FAIL)
            if trial.params.keys() == self.space.axes.keys():
                self._study.enqueue_trial(trial.params)
        if not self._in(TrialState.COMPLETE, TrialState.WAITING):
            self._study.enqueue_trial(self.space.params(self.space.start))

    def _in(self, *states: TrialState) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=states)

    def _trial(self, trial: FrozenTrial) -> Trial:
        assert trial.value is not None
        return Trial(trial.number, self.space.values(trial.params), trial.value, trial.user_attrs["seconds"])

    def _close(self) -> None:
        self._storage.remove_session()
        self._storage.engine.dispose()


def _check_kind(path: Path) -> None:
    """Before SQLAlchemy, which leaves its connection open where the file is of another kind."""
    if path.exists() and path.stat().st_size:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise ResumeError(f"{path}: is no study; accepted: a new file, or one that a search began")
