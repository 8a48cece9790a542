import numpy as np
import pytest

from tests.training.report.examples import metadata as example_metadata
from training.evaluation.selective import precision_thresholds, risk_coverage

LABELS = ["a", "b"]


def two_classes(*of_a: float) -> np.ndarray:
    """Probabilities of two classes, by that of the first."""
    return np.array([[p, 1 - p] for p in of_a])


def test_the_threshold_is_the_lowest_that_reaches_the_precision() -> None:
    truth = np.array([0, 0, 1, 0, 1])
    (found,) = precision_thresholds(LABELS, truth, two_classes(0.95, 0.9, 0.8, 0.7, 0.6), [0.75], min_rows=1)
    assert (found.label, found.precision_at_least) == ("a", 0.75)
    assert found.probability == pytest.approx(0.7)  # 3 of 4 are right, though it is 2 of 3 above it
    assert found.coverage == pytest.approx(4 / 5)


def test_it_holds_of_the_rows_that_it_was_found_on() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([0.6, 0.6], 400)
    truth = (rng.random(400) > probabilities[:, 0]).astype(np.int64)
    thresholds = precision_thresholds(LABELS, truth, probabilities)
    assert {threshold.label for threshold in thresholds} == set(LABELS)
    for threshold in thresholds:
        index = LABELS.index(threshold.label)
        chosen = (probabilities.argmax(1) == index) & (probabilities[:, index] >= threshold.probability)
        assert (truth[chosen] == index).mean() >= threshold.precision_at_least
        assert chosen.mean() == pytest.approx(threshold.coverage)


def test_a_precision_that_is_reached_nowhere_or_by_few_has_no_entry() -> None:
    truth, probabilities = np.array([0, 1, 1]), two_classes(0.9, 0.8, 0.7)
    assert precision_thresholds(LABELS, truth, probabilities, [0.9], min_rows=2) == []
    assert precision_thresholds(LABELS, truth, probabilities, [0.9], min_rows=1)[0].coverage == pytest.approx(1 / 3)


def test_rows_of_one_probability_are_taken_together() -> None:
    truth, probabilities = np.array([0, 1, 1]), two_classes(0.9, 0.9, 0.9)
    assert precision_thresholds(LABELS, truth, probabilities, [0.9], min_rows=1) == []
    (point,) = risk_coverage(truth, probabilities)
    assert (point.coverage, point.probability) == (1, 0.9)
    assert point.risk == pytest.approx(2 / 3)


def test_the_curve_is_the_error_rate_of_the_most_confident_share() -> None:
    truth, probabilities = np.array([0, 0, 1, 1]), two_classes(0.6, 0.9, 0.7, 0.2)
    points = risk_coverage(truth, probabilities, points=4)
    assert [point.coverage for point in points] == [0.25, 0.5, 0.75, 1]
    assert [point.probability for point in points] == pytest.approx([0.9, 0.8, 0.7, 0.6])
    assert [point.risk for point in points] == pytest.approx([0, 0, 1 / 3, 1 / 4])


def test_the_whole_part_is_covered_in_the_end() -> None:
    probabilities = np.random.default_rng(1).dirichlet([1, 1, 1], 137)
    points = risk_coverage(np.zeros(137, dtype=np.int64), probabilities)
    assert len(points) == 20
    assert points[-1].coverage == 1
    assert points[-1].risk == pytest.approx((probabilities.argmax(1) != 0).mean())


@pytest.mark.parametrize("rows", [10, 137, 1000])
def test_the_values_for_min_probability_leave_at_least_the_share_certain(rows: int) -> None:
    probabilities = np.random.default_rng(rows).dirichlet([1, 1, 1], rows).astype(np.float32)
    truth = np.random.default_rng(1).integers(0, 3, rows)
    metadata = example_metadata(risk_coverage=risk_coverage(truth, probabilities))
    for share, point in metadata.coverage_points().items():
        certain = probabilities.max(1).astype(float).round(6) >= point.min_probability
        assert share <= certain.mean() <= share + 0.1
        assert (probabilities.argmax(1) != truth)[certain].mean() == pytest.approx(point.risk, abs=0.02)
