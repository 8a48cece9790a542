"""One search in several processes, on a journal file and on a real PostgreSQL."""

import io
import signal
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState
from rich.console import Console

from tests.training.tuning.trials import RANGES, by_rate, recipe
from training.console import Display
from training.errors import ResumeError
from training.recipe.recipe import Recipe, read_recipe
from training.tuning.search import Objective, Search
from training.tuning.storage import open_study

ROOT = Path(__file__).parents[3]
FAST, NEVER = 0.05, 3600.0
"""Seconds between beats."""


def search(
    data: Path,
    storage: str,
    chosen: Recipe | None = None,
    objective: Objective = by_rate,
    beat_seconds: float = FAST,
    out: str = "b.toml",
) -> Search:
    display = Display(Console(file=io.StringIO(), width=200))
    return Search(chosen or recipe(), [data], data.parent / out, storage, display, objective, beat_seconds)


def shown(search: Search) -> str:
    assert isinstance(search.display.console.file, io.StringIO)
    return search.display.console.file.getvalue()


def trials_of(found: Search, *states: TrialState) -> list[optuna.trial.FrozenTrial]:
    with open_study(found.storage, "tiny", found._identity()) as study:
        return study.get_trials(states=states or None)


def process(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.training.tuning.worker", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_two_processes_share_the_trials_and_end_with_the_same_file(data: Path, tmp_path: Path, storage: str) -> None:
    """They begin at once, where nothing is yet, and each waits in its first trial for the other's."""
    (met := tmp_path / "met").mkdir()
    outs = [tmp_path / "one.toml", tmp_path / "two.toml"]
    processes = [process(storage, out, data, 1, 7, met) for out in outs]
    begun = [each.communicate(timeout=600)[0].split() for each in processes]
    assert [each.returncode for each in processes] == [0, 0]
    complete = trials_of(search(data, storage), TrialState.COMPLETE)
    assert len(complete) == len(begun[0]) + len(begun[1]) == 7
    assert min(map(len, begun)) >= 1
    assert len({tuple(trial.params.values()) for trial in complete}) == 7
    start = {"fit.learning_rate": 1e-3, "network.embedding": "8"}
    assert [trial.params for trial in complete].count(start) == 1
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert read_recipe(outs[0]).fit.learning_rate == min(trial.params["fit.learning_rate"] for trial in complete)


def test_the_trial_of_a_process_killed_by_force_is_given_to_another(data: Path, tmp_path: Path, storage: str) -> None:
    """The other one is in its first trial as that happens."""
    (met := tmp_path / "met").mkdir()
    with (
        process(storage, tmp_path / "killed.toml", data, 0.5, 5) as killed,
        process(storage, tmp_path / "b.toml", data, 0.5, 5, met) as other,
    ):
        assert killed.stdout is not None
        assert [killed.stdout.readline() for _ in range(2)] == ["0\n", "1\n"]
        killed.send_signal(signal.SIGKILL)
        (met / "killed").touch()
        assert len(other.communicate(timeout=600)[0].split()) == 4
    assert (killed.returncode, other.returncode) == (-9, 0)
    complete = trials_of(search(data, storage), TrialState.COMPLETE)
    assert len(complete) == 5
    # One without values was begun as another process took the last place, and ended at once.
    (lost,) = [trial for trial in trials_of(search(data, storage), TrialState.FAIL) if trial.params]
    assert [trial.params for trial in complete].count(lost.params) == 1
    # The killed command again: all is done, and its file is the same.
    search(data, storage, out="killed.toml").run(trials=5)
    assert (tmp_path / "killed.toml").read_bytes() == (tmp_path / "b.toml").read_bytes()


def test_a_machine_that_was_only_silent_goes_on_without_its_trial(data: Path, storage: str) -> None:
    """Another one has its trial meanwhile, and all others. Its own figure comes too late."""
    tried: list[Recipe] = []

    def objective(chosen: Recipe) -> float:
        if not tried:
            tried.append(chosen)
            other.run()
        return by_rate(chosen)

    other = search(data, storage, out="other.toml")
    silent = search(data, storage, objective=objective, beat_seconds=NEVER)
    assert silent.run() == other.run()
    assert "Trial 0: its machine went silent, so another one begins it again." in shown(other)
    assert "Trial 0: this machine was silent for too long; another one has it now." in shown(silent)
    assert len(trials_of(silent, TrialState.COMPLETE)) == 4
    assert tried == [recipe().model_copy(update={"tune": None})]


def test_the_time_ends_a_wait_too(data: Path, storage: str) -> None:
    waited = search(data, storage)

    def objective(chosen: Recipe) -> float:
        if (data.parent / "b.toml").exists():
            assert waited.run(trials=2, minutes=0).number == 0
        return by_rate(chosen)

    search(data, storage, objective=objective).run(trials=2)
    assert "All trials have begun. Waiting for those of other machines." in shown(waited)
    assert "2/2" not in shown(waited)


def test_a_trial_that_fails_ends_its_machine_alone(data: Path, storage: str) -> None:
    def fails(chosen: Recipe) -> float:  # noqa: ARG001
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(data, storage, objective=fails).run()
    search(data, storage).run()
    assert [trial.state.name for trial in trials_of(search(data, storage))] == ["FAIL", *["COMPLETE"] * 4]


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        (recipe(seeds=2), "recipe"),
        (recipe(ranges={**RANGES, "network.embedding": {"choices": [8, 16]}}), "recipe"),
        (None, "data"),
    ],
)
def test_another_search_is_refused(data: Path, storage: str, other: Recipe | None, differs: str) -> None:
    search(data, storage).run(trials=1)
    if not other:
        with data.open("a", encoding="utf-8") as file:
            file.write("good evening,good\n")
    with pytest.raises(ResumeError, match=rf"holds trials of another search, which differs in \['{differs}'\]"):
        search(data, storage, other).run()


def test_two_searches_that_began_at_once_are_told_apart_before_the_next_trial(data: Path, storage: str) -> None:
    found = search(data, storage)

    def objective(chosen: Recipe) -> float:
        with open_study(storage, "tiny", found._identity()) as study:
            study.set_user_attr("identity", {"recipe": "another"})
        return by_rate(chosen)

    found.objective = objective
    with pytest.raises(ResumeError, match="another search"):
        found.run()


def test_recipes_of_other_names_share_a_storage(data: Path, storage: str) -> None:
    search(data, storage).run(trials=1)
    search(data, storage, recipe().model_copy(update={"name": "other"})).run(trials=2)
    assert len(trials_of(search(data, storage))) == 1
