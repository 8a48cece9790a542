import sqlite3
from pathlib import Path

import pytest

from training.errors import ResumeError
from training.recipe.recipe import Recipe
from training.tuning.space import Space, Values
from training.tuning.study import Study, Trial

RANGES = {
    "fit.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    "network.lstm": {"choices": [[128], [64], [64, 64]]},
    "network.embedding": {"low": 64, "high": 192, "step": 32},
}
SPACE = Space(Recipe.model_validate({"name": "x", "tune": {"ranges": RANGES}}))


def study(path: Path, seed: int = 1, **identity: object) -> Study:
    return Study(path, SPACE, seed, identity)


def score(values: Values) -> float:
    return float(1 - abs(values["fit.learning_rate"] - 3e-3) - 0.1 * len(values["network.lstm"]))


def tried(path: Path, trials: int, seed: int = 1) -> list[Trial]:
    with study(path, seed) as opened:
        while len(opened.finished) < trials:
            opened.tell(score(opened.ask()), seconds=2.0)
        return opened.finished


def test_the_first_trial_is_the_start_and_others_are_in_the_ranges(tmp_path: Path) -> None:
    trials = tried(tmp_path / "new" / "s.sqlite", 14)
    assert trials[0] == Trial(0, SPACE.start, score(SPACE.start), 2.0)
    assert all(axis.holds(trial.values[key]) for trial in trials for key, axis in SPACE.axes.items())
    assert len({str(trial.values) for trial in trials}) > 10


def test_a_search_in_two_runs_tries_what_one_run_does(tmp_path: Path) -> None:
    """Past the ten trials at random, so that what the sampler knows is the same too."""
    whole = tried(tmp_path / "one", 14)
    tried(tmp_path / "two", 5)
    tried(tmp_path / "two", 12)
    assert tried(tmp_path / "two", 14) == whole
    assert tried(tmp_path / "other", 5, seed=2)[1:] != whole[1:5]


@pytest.mark.parametrize("finished", [0, 3, 12])
def test_a_trial_that_was_killed_begins_anew(tmp_path: Path, finished: int) -> None:
    whole = tried(tmp_path / "one", 14)
    tried(tmp_path / "two", finished)
    with study(tmp_path / "two") as opened:
        lost = opened.ask()
    with study(tmp_path / "two") as opened:
        assert opened.ask() == lost
    again = tried(tmp_path / "two", 14)
    assert [(trial.values, trial.score) for trial in again] == [(trial.values, trial.score) for trial in whole]
    assert again[finished].number == finished + 2


def test_a_trial_that_failed_leaves_the_start_the_first(tmp_path: Path) -> None:
    with study(tmp_path / "s") as opened:
        opened.ask()
        opened.fail()
        assert opened.finished == []
    assert tried(tmp_path / "s", 1)[0].values == SPACE.start


def test_what_a_trial_was_is_kept_with_it(tmp_path: Path) -> None:
    with study(tmp_path / "s") as opened:
        opened.ask()
        opened.tell(0.5, seconds=3.0)
    connection = sqlite3.connect(tmp_path / "s")
    rows = connection.execute("select key, value_json from trial_user_attributes").fetchall()
    connection.close()
    assert dict(rows)["seconds"] == "3.0"
    assert dict(rows)["value"] == "0.5"
    assert '"network.lstm": [128]' in dict(rows)["params"]


def test_another_search_is_refused_by_what_differs(tmp_path: Path) -> None:
    with study(tmp_path / "s", data={"a": 1}, recipe="r"):
        pass
    with pytest.raises(ResumeError, match=r"of another search, which differs in \['data'\]"):
        study(tmp_path / "s", data={"a": 2}, recipe="r").__enter__()


def test_what_is_no_study(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("no study", encoding="utf-8")
    with pytest.raises(ResumeError, match="is no study; accepted: a new file"):
        study(tmp_path / "s").__enter__()
    with pytest.raises(ResumeError, match="is no study that can be gone on with"):
        study(tmp_path / "s" / "below").__enter__()
