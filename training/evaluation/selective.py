"""Selective classification: how often a bundle is right where it is sure, from the validation part.

El-Yaniv and Wiener 2010, On the Foundations of Noise-free Selective Classification; Geifman and El-Yaniv 2017,
Selective Classification for Deep Neural Networks (https://arxiv.org/abs/1705.08500).
"""

from collections.abc import Iterator, Sequence

import numpy as np

from serving.model.metadata import CoveragePoint, Threshold
from training.types import Labels, Probabilities

PRECISIONS = (0.8, 0.9, 0.95)
# On fewer, one mistake would be more than a precision of 0.95 allows, and none would show little.
MIN_ROWS = 20
POINTS = 20  # of the curve: steps of 5% are as fine as the smallest validation parts can tell


def precision_thresholds(
    labels: Sequence[str],
    truth: Labels,
    probabilities: Probabilities,
    precisions: Sequence[float] = PRECISIONS,
    min_rows: int = MIN_ROWS,
) -> list[Threshold]:
    """For each label and precision, the lowest probability from which on its predictions are that precise.

    Args:
        labels: The names, in the order of the classes.
        truth: Class indices (rows,).
        probabilities: As served, (rows, classes).
        precisions: Those that are asked for.
        min_rows: A threshold that fewer predictions reach is none.

    Returns:
        Those that are reached, by label and rising precision.
    """
    predicted, confidence = probabilities.argmax(1), probabilities.max(1)
    thresholds = []
    for index, label in enumerate(labels):
        rows = np.flatnonzero(predicted == index)
        rows = rows[np.argsort(-confidence[rows], kind="stable")]
        counts = np.arange(1, len(rows) + 1)
        precision = np.cumsum(truth[rows] == index) / counts
        ends = _ends_of_ties(confidence[rows]) & (counts >= min_rows)
        for target in precisions:
            reached = np.flatnonzero(ends & (precision >= target))
            if len(reached):
                last = int(reached[-1])
                thresholds.append(
                    Threshold(
                        label=label,
                        precision_at_least=target,
                        probability=float(confidence[rows[last]]),
                        coverage=float(counts[last] / len(truth)),
                    )
                )
    return thresholds


def risk_coverage(truth: Labels, probabilities: Probabilities, points: int = POINTS) -> list[CoveragePoint]:
    """The error rate among the most confident rows, for rising shares of them.

    Args:
        truth: Class indices (rows,).
        probabilities: As served, (rows, classes).
        points: How many shares at most; rows of one confidence are not told apart.
    """
    order = np.argsort(-probabilities.max(1), kind="stable")
    confidence, wrong = probabilities.max(1)[order], probabilities.argmax(1)[order] != truth[order]
    return list(_points(confidence, wrong, points))


def _points(confidence: Probabilities, wrong: Labels, points: int) -> Iterator[CoveragePoint]:
    rows, ends = len(wrong), np.flatnonzero(_ends_of_ties(confidence))
    targets = np.ceil(np.arange(1, points + 1) / points * rows).astype(int) - 1
    for last in np.unique(ends[np.searchsorted(ends, targets)]).tolist():
        yield CoveragePoint(
            coverage=(last + 1) / rows, risk=float(wrong[: last + 1].mean()), probability=float(confidence[last])
        )


def _ends_of_ties(confidence: Probabilities) -> Labels:
    """Of falling confidences, whether each is the last of its value: a threshold takes all of one value or none."""
    return np.append(confidence[1:] != confidence[:-1], True)[: len(confidence)]
