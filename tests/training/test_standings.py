import io

from rich.console import Console

from training.standings import best, changes, progress, standings
from training.study import Trial

START = {"fit.epochs": 5, "fit.learning_rate": 1e-3, "network.lstm": [128]}


def trial(number: int, score: float, seconds: float = 30.0, **changed: object) -> Trial:
    return Trial(number, START | {f"fit.{key}": value for key, value in changed.items()}, score, seconds)


def test_of_equal_ones_the_first_is_the_best() -> None:
    trials = [trial(0, 0.5), trial(1, 0.7), trial(2, 0.7)]
    assert best(trials) is trials[1]


def test_what_was_changed() -> None:
    assert changes(START | {"fit.learning_rate": 0.00123456, "network.lstm": [8, 8]}, START) == (
        "fit.learning_rate = 0.001235, network.lstm = [8, 8]"
    )
    assert changes(START, START) == "nothing"


def test_a_line_for_the_last_trial() -> None:
    trials = [trial(0, 0.5, 20), trial(2, 0.61234, 40, epochs=7)]
    line = "2/6  trial 2  macro recall 0.6123  best  40 s, about 2 min left  fit.epochs = 7"
    assert progress(trials, 6) == line
    assert progress([*trials, trial(3, 0.6, 3, epochs=6)], 3) == (
        "3/3  trial 3  macro recall 0.6000  3 s, about 0 s left  fit.epochs = 6"
    )


def test_the_table_has_the_best_ten() -> None:
    trials = [trial(number, number / 100, epochs=5 + number) for number in range(12)]
    console = Console(file=io.StringIO(), width=100)
    console.print(standings(trials))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert lines[0].strip() == "Best of 12 trials, on the validation part"
    rows = [line for line in lines if "fit.epochs" in line]
    assert len(rows) == 10
    assert "0.1100" in rows[0]
    assert "fit.epochs = 16" in rows[0]
