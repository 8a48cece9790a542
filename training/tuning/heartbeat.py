"""Heartbeat of a search on several machines: the trial of a machine that went silent is given to another."""

import itertools
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self

import optuna
from optuna.trial import FrozenTrial, TrialState

from training.tuning.storage import STORAGE_ERRORS, end_trial

BEAT_SECONDS = 20.0
SILENT_LOOKS = 6  # two minutes: a busy machine or a network misses some beats
ATTEMPTS = 3  # so that a trial that takes down whoever trains it does not take down all

_BEAT, _ATTEMPT = "beat", "attempt"


class Heartbeat:
    """Shows others that this process's trial goes on, and begins again the trials that nobody shows.

    A running trial has a counter among its attributes, which its process raises at each beat. All watch the counters of
    all. One that stood still for six looks ends its trial, and its values wait in the study for whoever has time. Looks
    are counted, not seconds on a clock: so machines need no common time, and a database that was away for an hour has
    not silenced anyone.

    Args:
        study: The study.
        interval: Seconds between two beats.
        on_note: Is told of a silent trial.

    Attributes:
        trial: The one of this process that goes on.
        lock: Held while a trial begins again. Who asks for one under it finds the silent one or its successor, and does
            not take its place with other values.
    """

    def __init__(self, study: optuna.Study, interval: float, on_note: Callable[[str], None]) -> None:
        self.trial: optuna.Trial | None = None
        self.lock = threading.Lock()
        self._study, self._interval, self._on_note = study, interval, on_note
        self._seen: dict[int, tuple[int | None, int]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def wait(self) -> None:
        """Wait for as long as a beat takes."""
        self._stop.wait(self._interval)

    def _run(self) -> None:
        for beat in itertools.count():
            if self._stop.wait(self._interval):
                return
            for step in (partial(self._beat, beat), self._look):
                # A storage that is away for a moment is no reason to fall silent, nor is a trial that has just ended.
                with suppress(*STORAGE_ERRORS, OSError, ValueError):
                    step()

    def _beat(self, beat: int) -> None:
        if trial := self.trial:
            trial.set_user_attr(_BEAT, beat)

    def _look(self) -> None:
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        self._seen = {trial.number: self._looks(trial) for trial in running}
        for trial in running:
            if self._seen[trial.number][1] > SILENT_LOOKS:
                with self.lock:
                    self._begin_again(trial)

    def _looks(self, trial: FrozenTrial) -> tuple[int | None, int]:
        """Its counter, and how many looks in a row have seen that."""
        beat = trial.user_attrs.get(_BEAT)
        last, looks = self._seen.get(trial.number, (beat, 0))
        return beat, looks + 1 if beat == last else 1

    def _begin_again(self, trial: FrozenTrial) -> None:
        if not end_trial(self._study, trial.number):
            return  # it ended meanwhile, or another machine was first
        attempt = trial.user_attrs.get(_ATTEMPT, 1)
        if trial.params and attempt < ATTEMPTS:
            again = optuna.create_trial(
                state=TrialState.WAITING,
                params=trial.params,
                distributions=trial.distributions,
                user_attrs={_ATTEMPT: attempt + 1},
            )
            self._study.add_trial(again)
            self._on_note(f"Trial {trial.number}: its machine went silent, so another one begins it again.")
        else:
            self._on_note(f"Trial {trial.number}: its machine went silent, and it is given up.")
