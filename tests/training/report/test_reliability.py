from dataclasses import replace

import numpy as np
import pytest

from tests.training.report.examples import elements, evidence
from training.metrics import expected_calibration_error, rescaled
from training.report.reliability import calibration_table, reliability_plot


def test_both_errors_are_told() -> None:
    example = evidence()
    plot = reliability_plot(example.truth, example.probabilities, 1.5)
    after = expected_calibration_error(example.truth, example.probabilities)
    before = expected_calibration_error(example.truth, rescaled(example.probabilities, 1 / 1.5))
    assert f"error {before:.3f} before temperature scaling, {after:.3f} after." in plot.caption
    assert before != pytest.approx(after, abs=1e-3)


def test_a_bar_for_each_bin_that_has_rows() -> None:
    truth = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.99, 0.01], [0.98, 0.02], [0.3, 0.7], [0.45, 0.55]])
    svg = reliability_plot(truth, probabilities, 1.0).svg
    bars = [path for path in elements(svg, "path") if path.get("opacity") == "0.5"]
    assert len(bars) == 3


def test_it_names_axes_and_curves() -> None:
    svg = reliability_plot(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]), 2.0).svg
    said = {text.text for text in elements(svg, "text")}
    assert {"confidence", "accuracy", "rows", "before scaling", "after"} <= said


def test_the_table_has_before_and_after_and_what_chance_alone_shows() -> None:
    example = evidence()
    figures = replace(
        example.figures,
        expected_calibration_error=0.02,
        expected_calibration_error_uncalibrated=0.1,
        expected_calibration_error_by_chance=0.013,
    )
    assert calibration_table(figures, 1.39913).rows == [
        ("1 (before scaling)", "0.100"),
        ("1.399 (as served)", "0.020"),
        ("by chance, if calibration were perfect", "0.013"),
    ]
