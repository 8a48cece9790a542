import numpy as np
import pytest

from tests.training.report.examples import COUNTS, report_data
from tests.training.report.examples import LABELS as EXAMPLE_LABELS
from training.evaluation.metrics import (
    Bin,
    calibration_error_by_chance,
    cells,
    confidence_bins,
    expected_calibration_error,
    macro_f1,
    macro_recall,
    measure,
    most_frequent,
    recall_intervals,
    rescaled,
)

LABELS = ["a", "b", "c"]
TRUTH = np.array([0, 0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 2, 1, 0, 2])


def one_hot(predicted: np.ndarray) -> np.ndarray:
    return np.asarray(np.eye(3)[predicted] * 0.7 + 0.1)


def test_figures_of_an_asymmetric_example() -> None:
    figures = measure(LABELS, TRUTH, one_hot(PREDICTED), temperature=1.0)
    assert figures.rows == 7
    assert figures.accuracy == pytest.approx(4 / 7)
    assert figures.macro_recall == pytest.approx((2 / 4 + 1 / 2 + 1 / 1) / 3)
    assert figures.classes["a"].precision == pytest.approx(2 / 3)
    assert figures.classes["b"].recall == pytest.approx(1 / 2)
    assert figures.classes["c"].f1 == pytest.approx(2 * 0.5 * 1 / 1.5)
    assert figures.macro_f1 == pytest.approx((4 / 7 + 1 / 2 + 2 / 3) / 3)
    assert figures.confusion["a"] == {"a": 2, "b": 1, "c": 1}
    assert figures.confusion["b"] == {"a": 1, "b": 1, "c": 0}


def test_a_class_without_rows_does_not_count() -> None:
    figures = measure(LABELS, np.array([0, 0, 1]), one_hot(np.array([0, 0, 2])), temperature=1.0)
    assert figures.macro_recall == pytest.approx(1 / 2)
    assert figures.classes["c"].rows == 0


def test_the_means_are_over_the_classes_that_have_rows() -> None:
    truth, found = np.array([0, 0, 1]), np.array([0, 2, 1])
    assert macro_recall(truth, found) == pytest.approx((1 / 2 + 1) / 2)
    assert macro_f1(truth, found) == pytest.approx((2 / 3 + 1) / 2)


def test_calibration_error_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.4, 0.6]])
    truth = np.array([0, 1, 0, 1])
    assert expected_calibration_error(truth, probabilities) == pytest.approx((abs(1.8 - 1) + abs(1.2 - 2)) / 4)


def test_bins_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.4, 0.6], [1.0, 0.0]])
    bins = confidence_bins(np.array([0, 1, 0, 1, 0]), probabilities)
    assert [found.low for found in bins] == pytest.approx([9 / 15, 13 / 15, 14 / 15])
    assert [found.rows for found in bins] == [2, 2, 1]
    assert [found.confidence for found in bins] == pytest.approx([0.6, 0.9, 1.0])
    assert [found.accuracy for found in bins] == [1.0, 0.5, 1.0]


def test_certain_and_right_is_calibrated() -> None:
    assert expected_calibration_error(np.array([0, 1]), np.array([[1.0, 0.0], [0.0, 1.0]])) == 0


def test_the_error_by_chance_by_hand() -> None:
    # Of two rows at 0.9: both right 0.81 of the time, a gap of 0.1; one 0.18, 0.4; none 0.01, 0.9.
    by_hand = 0.81 * 0.1 + 0.18 * 0.4 + 0.01 * 0.9
    assert calibration_error_by_chance([Bin(13 / 15, 2, 0.9, 0.5)]) == pytest.approx(by_hand)
    one = Bin(9 / 15, 1, 0.6, 1.0)  # its gap is 0.4 or 0.6
    expected = (2 * by_hand + 2 * 0.6 * 0.4) / 3
    assert calibration_error_by_chance([one, Bin(13 / 15, 2, 0.9, 0.5)]) == pytest.approx(expected)


def test_a_certain_bin_has_no_error_by_chance() -> None:
    assert calibration_error_by_chance([Bin(14 / 15, 50, 1.0, 0.9)]) == 0


def test_the_error_by_chance_is_that_of_rows_drawn_from_the_probabilities() -> None:
    chance = np.random.default_rng(0)
    confidence = chance.uniform(0.5, 1.0, 800)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    drawn = [
        expected_calibration_error((chance.random(800) > confidence).astype(np.int64), probabilities)
        for _ in range(400)
    ]
    bins = confidence_bins(np.zeros(800, dtype=np.int64), probabilities)
    assert calibration_error_by_chance(bins) == pytest.approx(np.mean(drawn), rel=0.04)


def test_the_error_before_scaling_undoes_the_temperature() -> None:
    raw = np.random.default_rng(0).dirichlet([1, 1, 1], 500)
    truth = np.random.default_rng(1).integers(0, 3, 500)
    figures = measure(LABELS, truth, rescaled(raw, 2.5), temperature=2.5)
    assert figures.expected_calibration_error_uncalibrated == pytest.approx(expected_calibration_error(truth, raw))
    assert figures.expected_calibration_error != pytest.approx(expected_calibration_error(truth, raw))


def test_rescaling_keeps_order_and_sums() -> None:
    raw = np.array([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0]])
    soft = rescaled(raw, 3.0)
    assert soft.sum(1) == pytest.approx([1, 1])
    assert soft[0].argsort().tolist() == raw[0].argsort().tolist()
    assert soft[0, 0] < 0.7
    assert rescaled(raw, 1.0) == pytest.approx(raw)


def test_each_cell_has_its_rows_and_their_share_of_the_truth() -> None:
    found = {(cell.truth, cell.predicted): cell for cell in cells(report_data().figures)}
    assert len(found) == 9
    for truth, row in zip(EXAMPLE_LABELS, COUNTS, strict=True):
        for predicted, rows in zip(EXAMPLE_LABELS, row, strict=True):
            assert found[truth, predicted].rows == rows
            assert found[truth, predicted].share == rows / sum(row)


def test_the_most_frequent_come_first_and_what_is_right_is_none_of_them() -> None:
    found = [(cell.truth, cell.predicted, cell.rows) for cell in most_frequent(report_data().figures, 3)]
    assert found == [("neutral", "positive", 11), ("positive", "neutral", 8), ("negative", "neutral", 7)]


def test_an_interval_for_each_class_that_has_rows() -> None:
    # Newcombe 1998, Two-sided confidence intervals for the single proportion, table I, method 3.
    published = measure(["a", "b"], np.zeros(263, dtype=np.int64), np.eye(2)[(np.arange(263) >= 81).astype(int)], 1.0)
    assert recall_intervals(published) == {"a": pytest.approx((0.2553, 0.3662), abs=5e-5)}
