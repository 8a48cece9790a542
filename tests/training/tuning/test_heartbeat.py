import time
from collections.abc import Callable

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState

from training.tuning.heartbeat import ATTEMPTS, Heartbeat

FAST = 0.01


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study()


def begin(study: optuna.Study, rate: float = 0.5, attempt: int = 1) -> optuna.Trial:
    """A running trial, as a machine leaves it that dies."""
    waiting = optuna.create_trial(
        state=TrialState.WAITING,
        params={"rate": rate},
        distributions={"rate": FloatDistribution(0, 1)},
        user_attrs={"attempt": attempt},
    )
    study.add_trial(waiting)
    return study.ask()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(FAST)


def test_of_many_that_watch_one_begins_a_silent_trial_again(study: optuna.Study) -> None:
    for rate in (0.25, 0.75):
        begin(study, rate)
    notes: list[str] = []
    with Heartbeat(study, FAST, notes.append), Heartbeat(study, FAST, notes.append), Heartbeat(study, FAST, print):
        until(lambda: not study.get_trials(states=(TrialState.RUNNING,)))
        until(lambda: len(study.get_trials(states=(TrialState.WAITING,))) == 2)
    assert [trial.state.name for trial in study.trials] == ["FAIL"] * 2 + ["WAITING"] * 2
    assert sorted(trial.params["rate"] for trial in study.trials[2:]) == [0.25, 0.75]


def test_a_trial_that_is_shown_goes_on(study: optuna.Study) -> None:
    trial, notes = begin(study), list[str]()
    with Heartbeat(study, FAST, notes.append) as heartbeat:
        heartbeat.trial = trial
        until(lambda: study.trials[0].user_attrs.get("beat", 0) > 20)
        assert study.trials[0].state == TrialState.RUNNING
        heartbeat.trial = None  # as if its process had died
        until(lambda: bool(notes))
    assert notes == ["Trial 0: its machine went silent, so another one begins it again."]


def test_it_is_not_begun_for_ever(study: optuna.Study) -> None:
    begin(study, attempt=ATTEMPTS)
    notes: list[str] = []
    with Heartbeat(study, FAST, notes.append):
        until(lambda: bool(notes))
    assert notes == ["Trial 0: its machine went silent, and it is given up."]
    assert [trial.state.name for trial in study.trials] == ["FAIL"]


def test_each_attempt_is_counted(study: optuna.Study) -> None:
    begin(study)
    notes: list[str] = []
    with Heartbeat(study, FAST, notes.append):
        for attempt in range(1, ATTEMPTS):
            until(lambda attempt=attempt: len(notes) == attempt)  # type: ignore[misc]
            study.ask()
        until(lambda: len(notes) == ATTEMPTS)
    assert len(study.trials) == ATTEMPTS
    assert notes[-1] == "Trial 2: its machine went silent, and it is given up."


def test_a_trial_without_values_is_not_begun_again(study: optuna.Study) -> None:
    study.ask()
    notes: list[str] = []
    with Heartbeat(study, FAST, notes.append):
        until(lambda: bool(notes))
    assert [trial.state.name for trial in study.trials] == ["FAIL"]


def test_a_trial_that_ends_meanwhile_keeps_its_score(study: optuna.Study) -> None:
    trial, notes = begin(study), list[str]()
    with Heartbeat(study, FAST, notes.append) as heartbeat:
        heartbeat.trial = trial
        study.tell(trial, 0.5)
        begin(study)  # the other is seen to, though beats no longer get through
        until(lambda: bool(notes))
    assert (study.trials[0].state, study.trials[0].value) == (TrialState.COMPLETE, 0.5)
    assert notes == ["Trial 1: its machine went silent, so another one begins it again."]
