import io

import pytest
from rich.console import Console

from training.figure_tables import figure_tables
from training.metrics import ClassFigures, Figures


def figures(confusion: dict[str, dict[str, int]]) -> Figures:
    return Figures(
        rows=5,
        macro_recall=0.7125,
        macro_f1=0.61,
        accuracy=0.6,
        expected_calibration_error=0.02,
        expected_calibration_error_uncalibrated=0.11,
        expected_calibration_error_by_chance=0.01,
        bins=[],
        classes={name: ClassFigures(0.5, 0.25, 0.33, 4) for name in confusion},
        confusion=confusion,
    )


def shown(found: Figures) -> list[list[str]]:
    console = Console(file=io.StringIO(), width=100)
    for table in figure_tables(found, "Test"):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    return [line.split() for line in console.file.getvalue().replace("│", " ").splitlines()]


def test_figures_with_the_truth_in_rows() -> None:
    lines = shown(figures({"[/a]": {"[/a]": 1, "b": 3}, "b": {"[/a]": 0, "b": 1}}))
    assert ["macro", "recall", "0.7125"] in lines
    assert ["[/a]", "1", "3"] in lines
    assert ["[/a]", "0.5000", "0.2500", "0.3300", "4"] in lines


@pytest.mark.parametrize(("classes", "whole"), [(12, True), (13, False)])
def test_of_many_classes_the_largest_mistakes_are_shown(classes: int, whole: bool) -> None:
    names = [f"c{i}" for i in range(classes)]
    confusion = {a: {b: 50 if a == b else 0 for b in names} for a in names}
    confusion["c1"]["c2"], confusion["c2"]["c1"] = 7, 9
    lines = shown(figures(confusion))
    first, second = (["c2", "c1", "9"], ["c1", "c2", "7"])
    if whole:
        assert ["c1", "0", "50", "7", *["0"] * 9] in lines
        assert first not in lines
    else:
        assert lines.index(first) + 1 == lines.index(second)
        assert lines[-2] == second
