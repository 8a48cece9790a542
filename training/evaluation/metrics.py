"""Figures of merit: recall, F1, calibration error and the confusion matrix."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import softmax
from scipy.stats import binom, binomtest
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support, recall_score

from training.types import Labels, Probabilities

BINS = 15  # as in Guo et al. 2017
NUMBERED = 12  # classes, beyond which the cells of a matrix are too small for numbers


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Figures of one class.

    Args:
        precision: The share of its predictions that are right.
        recall: The share of its rows that are predicted as it.
        f1: The harmonic mean of the two.
        rows: How many rows it has.
    """

    precision: float
    recall: float
    f1: float
    rows: int


@dataclass(frozen=True, slots=True)
class Bin:
    """The rows whose confidence lies in [low, low + 1/15).

    Args:
        low: Where the bin begins.
        rows: How many they are.
        confidence: Their mean confidence.
        accuracy: The share that is right.
    """

    low: float
    rows: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one part. Means over classes count each class the same.

    Args:
        rows: How many rows the part has.
        macro_recall: Mean recall of the classes that have rows.
        macro_f1: Mean F1 of those.
        accuracy: The share of rows that is right.
        expected_calibration_error: Of the served probabilities.
        expected_calibration_error_uncalibrated: Of those before temperature scaling.
        expected_calibration_error_by_chance: What a perfectly calibrated model, as sure of each row, shows on average.
        bins: The rows by confidence.
        classes: Label -> its figures.
        confusion: Truth -> predicted -> rows.
    """

    rows: int
    macro_recall: float
    macro_f1: float
    accuracy: float
    expected_calibration_error: float
    expected_calibration_error_uncalibrated: float
    expected_calibration_error_by_chance: float
    bins: list[Bin]
    classes: dict[str, ClassFigures]
    confusion: dict[str, dict[str, int]]

    def as_json(self) -> dict[str, Any]:
        """As plain dictionaries, without the bins, which are drawn rather than listed."""
        return {name: value for name, value in asdict(self).items() if name != "bins"}


def macro_recall(truth: Labels, predicted: Labels) -> float:
    """The mean recall of the classes that have rows; class indices, both (rows,)."""
    return float(recall_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0))


def macro_f1(truth: Labels, predicted: Labels) -> float:
    """The mean F1 of the classes that have rows; class indices, both (rows,)."""
    return float(f1_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0))


def measure(labels: list[str], truth: Labels, probabilities: Probabilities, temperature: float) -> Figures:
    """All figures of a part.

    Args:
        labels: The names of the classes.
        truth: Class indices (rows,).
        probabilities: As served, (rows, classes).
        temperature: What they were calibrated by. It is undone for the uncalibrated error: softmax(log p * T) is what
            stood there before.
    """
    predicted, indices = probabilities.argmax(1), np.arange(len(labels))
    precision, recall, f1, counts = precision_recall_fscore_support(truth, predicted, labels=indices, zero_division=0)
    matrix = confusion_matrix(truth, predicted, labels=indices)
    bins, uncalibrated = confidence_bins(truth, probabilities), rescaled(probabilities, 1 / temperature)
    return Figures(
        rows=len(truth),
        macro_recall=macro_recall(truth, predicted),
        macro_f1=macro_f1(truth, predicted),
        accuracy=float((predicted == truth).mean()),
        expected_calibration_error=calibration_error(bins),
        expected_calibration_error_uncalibrated=expected_calibration_error(truth, uncalibrated),
        expected_calibration_error_by_chance=calibration_error_by_chance(bins),
        bins=bins,
        classes={
            name: ClassFigures(float(precision[i]), float(recall[i]), float(f1[i]), int(counts[i]))
            for i, name in enumerate(labels)
        },
        confusion={a: {b: int(matrix[i, j]) for j, b in enumerate(labels)} for i, a in enumerate(labels)},
    )


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
    return calibration_error(confidence_bins(truth, probabilities))


def calibration_error(bins: Sequence[Bin]) -> float:
    """The same from the bins."""
    return sum(each.rows * abs(each.confidence - each.accuracy) for each in bins) / sum(each.rows for each in bins)


def calibration_error_by_chance(bins: Sequence[Bin]) -> float:
    """The error to expect if each row of a bin is right with the probability of the bin's confidence: it is above zero.

    A bin's gap is then the mean absolute deviation of a binomial, 2 k (1 - p) P(k) with k = floor(n p) + 1 (De Moivre's
    formula: Diaconis and Zabell 1991, Closed Form Summation for Classical Distributions). What is to be compared with
    the error that is found: Broecker and Smith 2007, Increasing the Reliability of Reliability Diagrams.
    """
    return sum(_mean_deviation(each.rows, each.confidence) for each in bins) / sum(each.rows for each in bins)


def _mean_deviation(rows: int, probability: float) -> float:
    above = int(rows * probability) + 1
    return float(2 * above * (1 - probability) * binom.pmf(above, rows, probability))


def rescaled(probabilities: Probabilities, temperature: float) -> Probabilities:
    """softmax(log p / T), float64 (rows, classes)."""
    logits = np.log(np.maximum(probabilities.astype(np.float64), 1e-30)) / temperature
    return np.asarray(softmax(logits, axis=1))


def recall_intervals(figures: Figures) -> Mapping[str, tuple[float, float]]:
    """Label -> the 95% score interval of its recall, of the labels that have rows.

    Wilson 1927, Probable Inference, the Law of Succession, and Statistical Inference (JASA 22).
    """
    intervals = {}
    for name, of_class in figures.classes.items():
        if of_class.rows:
            interval = binomtest(figures.confusion[name][name], of_class.rows).proportion_ci(0.95, method="wilson")
            intervals[name] = (float(interval.low), float(interval.high))
    return intervals


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the confusion matrix.

    Args:
        row: The place of the truth among the labels.
        column: That of the prediction.
        truth: The label that the rows have.
        predicted: The label that they were predicted as.
        rows: How many they are.
        share: Their share of all rows of that truth.
    """

    row: int
    column: int
    truth: str
    predicted: str
    rows: int
    share: float

    @property
    def name(self) -> str:
        """What the plot calls it."""
        return f"cell-{self.row}-{self.column}"

    @property
    def note(self) -> str:
        """A sentence for who points at it."""
        what = f"truth {self.truth}, predicted {self.predicted}"
        return f"{what}: {self.rows:,} rows, {self.share:.0%} of the truth's"


def cells(figures: Figures) -> Iterator[Cell]:
    """All cells of the matrix, row by row."""
    for row, (truth, counts) in enumerate(figures.confusion.items()):
        total = max(sum(counts.values()), 1)
        for column, (predicted, rows) in enumerate(counts.items()):
            yield Cell(row, column, truth, predicted, rows, rows / total)


def most_frequent(figures: Figures, limit: int = 10) -> list[Cell]:
    """The confusions with the most rows, those first."""
    wrong = [cell for cell in cells(figures) if cell.truth != cell.predicted and cell.rows]
    return sorted(wrong, key=lambda cell: -cell.rows)[:limit]
