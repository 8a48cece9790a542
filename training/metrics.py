"""Figures of merit from true labels and probabilities, and nothing else."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

Labels = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.floating[Any]]
BINS = 15


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Of one class: the share of its predictions that are right, the share of its rows that are found, rows."""

    precision: float
    recall: float
    f1: float
    rows: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one part. Means over classes count each class the same; `confusion[truth][predicted]` counts rows."""

    rows: int
    macro_recall: float
    macro_f1: float
    accuracy: float
    expected_calibration_error: float
    expected_calibration_error_uncalibrated: float
    classes: dict[str, ClassFigures]
    confusion: dict[str, dict[str, int]]

    def as_json(self) -> dict[str, Any]:
        """As plain dictionaries."""
        return asdict(self)


def measure(labels: list[str], truth: Labels, probabilities: Probabilities, temperature: float) -> Figures:
    """All figures of a part.

    `truth`: class indices (rows,); `probabilities` (rows, classes), calibrated by `temperature`, which is undone for
    the uncalibrated error: softmax(log p * T) is what stood there before.
    """
    found, indices = probabilities.argmax(1), np.arange(len(labels))
    precision, recall, f1, counts = precision_recall_fscore_support(truth, found, labels=indices, zero_division=0)
    present = counts > 0
    matrix = confusion_matrix(truth, found, labels=indices)
    return Figures(
        rows=len(truth),
        macro_recall=float(recall[present].mean()),
        macro_f1=float(f1[present].mean()),
        accuracy=float((found == truth).mean()),
        expected_calibration_error=expected_calibration_error(truth, probabilities),
        expected_calibration_error_uncalibrated=expected_calibration_error(
            truth, rescaled(probabilities, 1 / temperature)
        ),
        classes={
            name: ClassFigures(float(precision[i]), float(recall[i]), float(f1[i]), int(counts[i]))
            for i, name in enumerate(labels)
        },
        confusion={a: {b: int(matrix[i, j]) for j, b in enumerate(labels)} for i, a in enumerate(labels)},
    )


@dataclass(frozen=True, slots=True)
class Bin:
    """The rows whose confidence lies in [low, low + 1/15): how many, their mean confidence, the share that is right."""

    low: float
    rows: int
    confidence: float
    accuracy: float


def confidence_bins(truth: Labels, probabilities: Probabilities) -> list[Bin]:
    """Those of the 15 equal bins of confidence that have rows, least first. A confidence of 1 is in the last one."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == truth
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    members = {b: bins == b for b in np.unique(bins).tolist()}
    return [
        Bin(b / BINS, int(rows.sum()), float(confidence[rows].mean()), float(right[rows].mean()))
        for b, rows in members.items()
    ]


def expected_calibration_error(truth: Labels, probabilities: Probabilities) -> float:
    """Mean gap between confidence and accuracy over 15 equal bins of confidence, weighted by rows.

    Guo et al. 2017, On Calibration of Modern Neural Networks (https://arxiv.org/abs/1706.04599), equation 3.
    """
    gaps = [found.rows * abs(found.confidence - found.accuracy) for found in confidence_bins(truth, probabilities)]
    return sum(gaps) / len(truth)


def rescaled(probabilities: Probabilities, temperature: float) -> Probabilities:
    """softmax(log p / T), float64 (rows, classes)."""
    logits = np.log(np.maximum(probabilities.astype(np.float64), 1e-30)) / temperature
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))
