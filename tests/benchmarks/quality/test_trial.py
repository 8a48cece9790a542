from pathlib import Path

import pytest
from pydantic import ValidationError

from benchmarks.quality.trial import Trial, read_trials


@pytest.mark.parametrize("trial", read_trials(), ids=lambda trial: trial.name)
def test_every_trial_expects_something_and_is_a_valid_recipe_as_long_as_its_option_is_there(trial: Trial) -> None:
    assert trial.expected
    if trial.removed:
        with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
            trial.recipe(3)
    else:
        assert trial.recipe(3).seed == 3


def test_changes_reach_tables_and_items_by_name() -> None:
    changes = {"fit.epochs": 9, "data.sources.semeval.weight": 0.5}
    recipe = Trial("t", "g", "e", changes=changes).recipe(1)
    assert recipe.fit.epochs == 9
    assert [source.weight for source in recipe.data.sources if source.name == "semeval"] == [0.5]


def test_a_stage_can_be_left_out() -> None:
    recipe = Trial("t", "g", "e", base="weak.toml", without=("stages.weak",)).recipe(1)
    assert [stage.name for stage in recipe.stages] == ["SemEval"]


def test_names_are_distinct(tmp_path: Path) -> None:
    entry = '[[trials]]\nname = "a"\ngroup = "g"\nexpected = "e"\n'
    (tmp_path / "t.toml").write_text(entry * 2, encoding="utf-8")
    with pytest.raises(ValueError, match="accepted: distinct ones"):
        read_trials(tmp_path / "t.toml")


def test_a_trial_stands_beside_one_that_there_is(tmp_path: Path) -> None:
    entry = '[[trials]]\nname = "a"\ngroup = "g"\nexpected = "e"\nbeside = "b"\n'
    (tmp_path / "t.toml").write_text(entry, encoding="utf-8")
    with pytest.raises(ValueError, match=r"beside is \['b'\]; accepted: names of trials"):
        read_trials(tmp_path / "t.toml")
