import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from tests.training.report.examples import answers
from training.console import Display, print_tables
from training.data.dataset import load_dataset
from training.evaluation.metrics import Figures, measure
from training.evaluation.tables import Table
from training.progress import Epoch
from training.recipe.data import DataConfig


def figures(labels: list[str], counts: list[list[int]]) -> Figures:
    return measure(labels, *answers(counts), 1.0)


def lines_of(figures: Figures) -> list[list[str]]:
    """The words of each line that is shown."""
    display = Display(Console(file=io.StringIO(), width=120))
    display.figures(figures, "Test")
    return [line.split() for line in shown(display).replace("│", " ").splitlines()]


def shown(display: Display) -> str:
    assert isinstance(display.console.file, io.StringIO)
    return display.console.file.getvalue()


def test_figures_with_the_truth_in_rows() -> None:
    lines = lines_of(figures(["[/a]", "b"], [[1, 3], [0, 1]]))
    assert ["macro", "recall", "0.625"] in lines
    assert ["[/a]", "1", "3"] in lines
    assert ["[/a]", "0.250", "0.046", "to", "0.699", "1.000", "0.400", "4"] in lines


@pytest.mark.parametrize(("classes", "whole"), [(12, True), (13, False)])
def test_of_many_classes_the_largest_mistakes_are_shown(classes: int, whole: bool) -> None:
    counts = (np.eye(classes, dtype=int) * 50).tolist()
    counts[1][2], counts[2][1] = 7, 9
    lines = lines_of(figures([f"c{i}" for i in range(classes)], counts))
    first, second = (["c2", "c1", "9", "0.153"], ["c1", "c2", "7", "0.123"])
    if whole:
        assert ["c1", "0", "50", "7", *["0"] * 9] in lines
        assert first not in lines
    else:
        assert lines.index(first) + 1 == lines.index(second)
        assert lines[-2] == second


EPOCH = Epoch(number=2, loss=0.5, validation_loss=0.6, macro_recall=0.7, accuracy=0.8, seconds=60.0)


def test_an_epoch_is_a_line_with_figures_and_the_time_left() -> None:
    display = Display(Console(file=io.StringIO(), width=40))
    display.on_start(1, 5)
    display.on_batch(1, 3, 10, 0.9)
    display.on_epoch(EPOCH, best=True)
    display.on_end()
    assert shown(display) == (
        "epoch 2/5  loss 0.5000  validation loss 0.6000  macro recall 0.7000  accuracy 0.8000  "
        "60 s, at most 3 min left  best\n"
    )


def test_the_time_left_leaves_out_the_first_epoch_which_builds_the_network() -> None:
    display = Display(Console(file=io.StringIO(), width=40))
    display.on_start(1, 5)
    for number, seconds in enumerate((100.0, 10.0, 14.0), start=1):
        display.on_epoch(replace(EPOCH, number=number, seconds=seconds), best=False)
    first, second, third = shown(display).splitlines()
    assert "100 s, at most 7 min left" in first
    assert "10 s, at most 30 s left" in second
    assert "14 s, at most 24 s left" in third


def test_of_several_stages_the_time_left_is_of_one() -> None:
    display = Display(Console(file=io.StringIO(), width=40))
    display.on_stage("own", 2, 2)
    display.on_start(1, 5)
    display.on_epoch(EPOCH, best=False)
    assert shown(display).endswith("60 s, at most 3 min left of this stage\n")


def test_the_texts_that_the_length_cuts_are_told() -> None:
    display = Display(Console(file=io.StringIO(), width=40))
    display.on_lengths(64, 0.0123, 71)
    assert shown(display) == "Length: max_tokens = 64 cuts 1.2% of the texts; 71 would hold 99% of them whole\n"


def test_the_next_step_is_one_line_however_narrow_the_console_is() -> None:
    display = Display(Console(file=io.StringIO(), width=40))
    display.next_step("Bundle: [red]a[/red]. Next: read the report, then serve it: make serve MODEL_DIR=a")
    assert shown(display).count("\n") == 1
    assert "[red]a[/red]" in shown(display)


TABLES = [Table("One", ("model", "recall"), [("a|b", "0.5")]), Table("Two", ("model", "recall"), [("c", "0.4")])]


def test_into_a_pipe_tables_are_markdown() -> None:
    console = Console(file=io.StringIO(), width=20)
    print_tables(TABLES, console)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == (
        "| model | recall |\n|---|---:|\n| a\\|b | 0.5 |\n\n| model | recall |\n|---|---:|\n| c | 0.4 |\n"
    )


def test_in_a_terminal_tables_are_drawn() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    print_tables(TABLES, console)
    assert isinstance(console.file, io.StringIO)
    assert "One" in console.file.getvalue()
    assert "│" in console.file.getvalue()
    assert "|---" not in console.file.getvalue()


def test_few_rows_are_noted_below_the_parts() -> None:
    display = Display(Console(file=io.StringIO(), width=40))
    few = {"a": 3, "b": 300}
    display.on_dataset({"rows read": 5}, {"train": few, "validation": few, "test": few})
    assert shown(display).count("Few rows in the ") == 3


def test_a_resumed_run_says_so() -> None:
    display = Display(Console(file=io.StringIO()))
    display.on_start(3, 5)
    display.on_end()
    assert shown(display) == "Resuming after epoch 2\n"


def test_on_a_terminal_there_is_a_bar() -> None:
    display = Display(Console(file=io.StringIO(), force_terminal=True, width=100))
    display.on_start(1, 5)
    display.on_batch(1, 3, 10, 0.9)
    display.on_end()
    assert "epoch 1/5 loss 0.9000" in shown(display)


def test_a_bar_starts_anew_each_epoch_with_a_time_left() -> None:
    display = Display(Console(file=io.StringIO(), force_terminal=True, width=100))
    display.on_start(1, 2)
    display.on_batch(1, 1, 10, 0.9)
    display.on_batch(1, 10, 10, 0.9)
    display.on_batch(2, 1, 10, 0.9)
    display.on_end()
    last = shown(display).rpartition("epoch 2/2")[2]
    assert "-:--:--" in last  # a bar that is finished has 0:00:00


def test_parts_have_a_line_for_each_class() -> None:
    sample = Path(__file__).parents[2] / "data" / "sample.csv"
    dataset = load_dataset([sample], DataConfig(validation=0.1, test=0.2), 1)
    display = Display(Console(file=io.StringIO(), width=100))
    display.on_dataset(dataset.cleaning, dataset.sizes())
    lines = [line.split() for line in shown(display).replace("│", " ").splitlines()]
    sizes = dataset.sizes()
    assert ["neutral", *(str(sizes[part]["neutral"]) for part in ("train", "validation", "test"))] in lines
    assert ["all", *(str(sum(sizes[part].values())) for part in ("train", "validation", "test"))] in lines
