from pathlib import Path

import pytest

from benchmarks.quality.results import Result, append_result, digest, mean_and_spread, of_trial, read_results
from benchmarks.quality.trial import Trial
from training.recipe.model import WordVectorsConfig
from training.recipe.recipe import Recipe

TRIAL = Trial("t", "g", "e", seeds=(1, 2))


def result(seed: int, recall: float, trial: Trial = TRIAL) -> Result:
    return Result(trial.name, seed, recall, 0.9, 10.0, digest(trial.recipe(seed)), "d")


def test_what_is_appended_is_read(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    assert read_results(path) == []
    for found in (result(1, 0.6), result(2, 0.61)):
        append_result(found, path)
    assert read_results(path) == [result(1, 0.6), result(2, 0.61)]


def test_only_results_of_this_very_recipe_count() -> None:
    changed = Trial("t", "g", "e", seeds=(1, 2), changes={"fit.epochs": 9})
    results = [result(1, 0.6), result(1, 0.62), result(2, 0.5, changed)]
    assert [found.macro_recall for found in of_trial(TRIAL, results)] == [0.62]
    assert [found.macro_recall for found in of_trial(changed, results)] == [0.5]


def test_where_word_vectors_are_makes_no_other_recipe_but_how_many_join_does() -> None:
    here, there = (Recipe(name="x", vectors=WordVectorsConfig(file=file, words=9, terms=file)) for file in ("a", "b"))
    assert digest(here) == digest(there)
    assert (
        len({digest(r) for r in (here, Recipe(name="x"), Recipe(name="x", vectors=WordVectorsConfig(file="a")))}) == 3
    )


def test_mean_and_spread() -> None:
    assert mean_and_spread([0.5, 0.6, 0.7]) == pytest.approx((0.6, 0.1))
    assert mean_and_spread([0.5]) == (0.5, 0.0)
