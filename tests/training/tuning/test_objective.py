"""Trainings for real, on made-up data."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from training.console import Display
from training.errors import DataError, TrainingError
from training.fit.trainer import Trainer
from training.recipe.recipe import Recipe
from training.tuning import objective
from training.tuning.objective import ValidationRecall

ROOT = Path(__file__).parents[3]
RECIPE = Recipe.model_validate(
    {
        "name": "tiny",
        "data": {"validation": 0.4, "test": 0.2},
        "tokenizer": {"model": "word", "min_frequency": 1},
        "network": {"embedding": 8, "lstm": [4]},
        "stages": [{"name": "one", "epochs": 1}, {"name": "two", "epochs": 2, "learning_rate": 0.05}],
    }
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "d.csv"
    words = {"good": ["fine", "nice"], "bad": ["awful", "sad"], "so": ["usual", "plain"]}
    rows = [(f"{word} show {i}", label) for i in range(9) for label in words for word in words[label]]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


def test_it_is_the_best_epoch_of_the_last_stage(data: Path, tmp_path: Path) -> None:
    run = Trainer(RECIPE, [data], tmp_path / "work", Display(Console(quiet=True))).run()
    expected = max(epoch.macro_recall for epoch in run.history["two"])
    assert ValidationRecall([data], tmp_path / "cache")(RECIPE) == expected
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_it_is_the_last_epoch_where_the_stage_keeps_that(data: Path, tmp_path: Path) -> None:
    stages = [{"name": "one", "keep": "last", "epochs": 9, "learning_rate": 0.5}]
    recipe = Recipe.model_validate({**RECIPE.model_dump(), "stages": stages})
    run = Trainer(recipe, [data], tmp_path / "work", Display(Console(quiet=True))).run()
    figures = [epoch.macro_recall for epoch in run.history["one"]]
    assert ValidationRecall([data])(recipe) == figures[-1] != max(figures)


def test_an_error_of_the_training_is_raised(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no\.csv: cannot be read"):
        ValidationRecall([tmp_path / "no.csv"])(RECIPE)


def test_a_training_that_breaks_down_is_told() -> None:
    with pytest.raises(TrainingError, match="ended with exit code 1 and no figure"):
        objective._apart("no arguments of a training")


def test_it_ends_with_the_search(tmp_path: Path) -> None:
    """A search that is killed leaves no training behind, which would hold the pipes open."""
    code = """
import multiprocessing, os, sys, threading, time
from training.tuning.objective import _end_with_parent
def work(path):
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with open(path, "w") as file:
        file.write(str(os.getpid()))
    time.sleep(60)
if __name__ == "__main__":
    multiprocessing.get_context("fork").Process(target=work, args=sys.argv[1:]).start()
    while not os.path.exists(sys.argv[1]) or not open(sys.argv[1]).read():
        time.sleep(0.05)
    os.kill(os.getpid(), 9)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "pid")]
    killed = subprocess.run(command, cwd=ROOT, timeout=40, check=False, capture_output=True)
    assert killed.returncode == -9
