import io

import numpy as np
import pytest
from rich.console import Console

from tests.training.report.examples import answers
from training.figure_tables import figure_tables
from training.metrics import Figures, measure


def figures(labels: list[str], counts: list[list[int]]) -> Figures:
    return measure(labels, *answers(counts), 1.0)


def shown(found: Figures) -> list[list[str]]:
    console = Console(file=io.StringIO(), width=100)
    for table in figure_tables(found, "Test"):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    return [line.split() for line in console.file.getvalue().replace("│", " ").splitlines()]


def test_figures_with_the_truth_in_rows() -> None:
    lines = shown(figures(["[/a]", "b"], [[1, 3], [0, 1]]))
    assert ["macro", "recall", "0.6250"] in lines
    assert ["[/a]", "1", "3"] in lines
    assert ["[/a]", "1.0000", "0.2500", "0.4000", "4"] in lines


@pytest.mark.parametrize(("classes", "whole"), [(12, True), (13, False)])
def test_of_many_classes_the_largest_mistakes_are_shown(classes: int, whole: bool) -> None:
    counts = (np.eye(classes, dtype=int) * 50).tolist()
    counts[1][2], counts[2][1] = 7, 9
    lines = shown(figures([f"c{i}" for i in range(classes)], counts))
    first, second = (["c2", "c1", "9"], ["c1", "c2", "7"])
    if whole:
        assert ["c1", "0", "50", "7", *["0"] * 9] in lines
        assert first not in lines
    else:
        assert lines.index(first) + 1 == lines.index(second)
        assert lines[-2] == second
