import numpy as np
import pytest
from scipy.stats import binomtest

from tests.training.report.examples import LABELS, elements, evidence
from training.metrics import Figures, measure
from training.report.recalls import class_table, intervals, recall_plot, wilson


def without_positive() -> Figures:
    return measure(LABELS, np.array([0, 1]), np.array([[0.8, 0.1, 0.1], [0.7, 0.2, 0.1]]), 1.0)


@pytest.mark.parametrize(("found", "rows"), [(0, 1), (1, 1), (3, 7), (81, 263), (0, 400), (10_000, 20_499)])
def test_the_interval_is_scipy_s(found: int, rows: int) -> None:
    expected = binomtest(found, rows).proportion_ci(confidence_level=0.95, method="wilson")
    assert wilson(found, rows) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_interval_of_a_published_example() -> None:
    # Newcombe 1998, Two-sided confidence intervals for the single proportion, table I, method 3.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_an_interval_for_each_class_that_has_rows() -> None:
    assert intervals(evidence().figures)["negative"] == wilson(20, 29)
    assert list(intervals(without_positive())) == ["negative", "neutral"]


def test_the_table() -> None:
    table = class_table(evidence().figures)
    assert table.rows[0] == ("negative", "0.690", "0.508 to 0.827", "0.714", "0.702", "29")
    assert class_table(without_positive()).rows[2] == ("positive", "–", "–", "–", "–", "0")


def test_the_plot_has_a_dot_for_each_class_that_has_rows() -> None:
    assert len(elements(recall_plot(evidence().figures).svg, "use")) == 3
    svg = recall_plot(without_positive()).svg
    assert len(elements(svg, "use")) == 2
    assert set(LABELS) <= {text.text for text in elements(svg, "text")}


def test_the_plot_grows_with_the_classes() -> None:
    names = [f"c{i}" for i in range(47)]
    figures = measure(names, np.arange(47), np.eye(47) * 0.9 + 0.001, 1.0)
    (height,) = {float(e.attrib["height"]) for e in elements(recall_plot(figures).svg, "svg")}
    assert height > 47 * 20
