from pathlib import Path

import pytest

from training.errors import RecipeError
from training.recipe.loading import as_toml
from training.recipe.recipe import Recipe, read_recipe
from training.recipe.search import Range, TuneConfig


def written(tmp_path: Path, ranges: str, head: str = "[tune]") -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(f'name = "x"\n{head}\n[tune.ranges]\n{ranges}', encoding="utf-8")
    return path


def test_ranges_of_numbers_and_of_choices(tmp_path: Path) -> None:
    ranges = '"fit.epochs" = { low = 1, high = 30 }\n"network.lstm" = { choices = [[128], [64, 64]] }'
    tune = read_recipe(written(tmp_path, ranges, "[tune]\nseeds = 3")).tune
    numbers, choices = Range(low=1, high=30), Range(choices=[[128], [64, 64]])
    assert tune == TuneConfig(seeds=3, ranges={"fit.epochs": numbers, "network.lstm": choices})
    assert tune.trials == 20


def test_a_recipe_with_a_search_is_read_back(tmp_path: Path) -> None:
    recipe = read_recipe(
        written(tmp_path, '"fit.epochs" = { low = 0, high = 9 }\n"network.masked" = { choices = [0, 1] }')
    )
    (tmp_path / "again.toml").write_text(as_toml(recipe.model_dump(mode="json")), encoding="utf-8")
    assert read_recipe(tmp_path / "again.toml") == recipe


def test_a_recipe_without_a_search_is_dumped_as_before() -> None:
    assert "tune" not in Recipe(name="x").model_dump(mode="json")


@pytest.mark.parametrize(
    ("ranges", "fault"),
    [
        ("", "tune.ranges: found {}"),
        ('"fit.epochs" = {}', "tune.ranges.fit.epochs: found {}; accepted: low and high, or choices"),
        ('"fit.epochs" = { low = 1 }', "accepted: low and high, or choices"),
        ('"fit.epochs" = { low = 1, high = 2, choices = [1, 2] }', "choices beside low, high; accepted: one of"),
        ('"fit.epochs" = { choices = [1, 2], log = true }', "choices beside log"),
        ('"fit.epochs" = { choices = [1] }', "tune.ranges.fit.epochs.choices: found [1]"),
        ('"fit.epochs" = { choices = [1, 1] }', "choices are [1, 1]; accepted: distinct ones"),
        ('"fit.epochs" = { low = 9, high = 3 }', "low is 9 and high is 3; accepted: low below high"),
        ('"fit.epochs" = { low = "1", high = 3 }', "tune.ranges.fit.epochs.low: found '1'"),
        ('"fit.epochs" = { low = 1, high = inf }', "tune.ranges.fit.epochs.high: found inf"),
        ('"fit.dropout" = { low = 0, high = 0.5, log = true }', "log = true needs low above 0, and no step"),
        ('"fit.dropout" = { low = 1, high = 5, log = true, step = 2 }', "log = true needs low above 0, and no step"),
        ('"fit.dropout" = { low = 0.0, high = 0.5, step = 0.2 }', "steps of 0.2 from 0 miss 0.5; accepted: whole"),
        ('"fit.epochs" = { min = 1 }', "tune.ranges.fit.epochs.min: unknown key; accepted: low, high, step, log"),
        ("fit.epochs = { low = 1, high = 3 }", "accepted: keys in quotes: \"fit.epochs\" = ..."),
    ],
)  # fmt: skip
def test_a_bad_range_is_named_with_what_is_accepted(tmp_path: Path, ranges: str, fault: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read_recipe(written(tmp_path, ranges))
    assert fault in str(caught.value)


def test_a_bad_key_of_the_table(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"tune\.trial: unknown key; accepted: trials, seeds, ranges"):
        read_recipe(written(tmp_path, '"fit.epochs" = { low = 1, high = 2 }', "[tune]\ntrial = 3"))


def test_steps_in_tenths_are_whole(tmp_path: Path) -> None:
    tune = read_recipe(written(tmp_path, '"network.dropout" = { low = 0.0, high = 0.3, step = 0.1 }')).tune
    assert tune
    assert tune.ranges["network.dropout"].step == 0.1


def test_several_seeds_where_none_would_count(tmp_path: Path) -> None:
    head = "[[stages]]\nname = 'one'\nseed = 1\n[tune]\nseeds = 2"
    with pytest.raises(RecipeError, match=r"tune\.seeds is 2, but every stage has a seed of its own; accepted: 1"):
        read_recipe(written(tmp_path, '"stages.one.epochs" = { low = 1, high = 2 }', head))
