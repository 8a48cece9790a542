"""Paired comparison of two bundles: both answer the same rows, and the bootstrap says what a difference is worth.

Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapters 8 and 13; Koehn 2004, Statistical Significance
Tests for Machine Translation Evaluation (https://aclanthology.org/W04-3250), for the paired form: a row is drawn with
both models' answers to it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Final

import numpy as np
import numpy.typing as npt

from serving.model.metadata import Row
from serving.model.predictor import Predictor
from training.evaluation.metrics import expected_calibration_error
from training.types import Floats, Labels

CHUNK = 60  # rows of a turn: some batches of the network, and few enough that some hundred rows are many turns
RESAMPLES = 10_000  # from seed to seed, the ends of an interval then differ by about 1% of its width
SEED = 1
ENDS = (0.025, 0.975)  # of the 95% interval, as quantiles
# Rows that each class has beside its own: half a won one, half a lost one, and one that both answer alike. Without
# them, models that differ in none of five rows would have an interval of no width. Agresti and Min 2005, Simple
# Improved Confidence Intervals for Comparing Matched Proportions (Statistics in Medicine 24): half a row in each cell.
ADDED: Final = (0.5, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of the candidate less the same of the old model, with its 95% interval.

    Attributes:
        value: On the rows as they are.
        low: The interval's lower end.
        high: Its upper end.
    """

    value: float
    low: float
    high: float

    def rows_missing(self, rows: int, bound: float) -> int | None:
        """How many more rows would lift the whole interval above a bound, if the difference stays what it is.

        Half of the interval's width falls with the square root of the rows.

        Args:
            rows: How many there are.
            bound: What the interval is to lie above.

        Returns:
            None where no number would, since the difference itself does not lie above.
        """
        if self.value <= bound:
            return None
        needed = rows * ((self.value - self.low) / (self.value - bound)) ** 2
        return max(0, math.floor(needed) + 1 - rows)


@dataclass(frozen=True, slots=True)
class RecallDifferences:
    """Differences in recall.

    Attributes:
        macro: Of the mean over the classes that have rows.
        classes: Of each class; None for one without rows.
    """

    macro: Difference
    classes: Sequence[Difference | None]


@dataclass(frozen=True, slots=True)
class Answers:
    """What one bundle answers to all rows.

    Attributes:
        predicted: Class indices (rows,), as the service decides.
        probabilities: float32 (rows, classes).
        rows_per_second: How fast it was, beside the other.
    """

    predicted: Labels
    probabilities: Floats
    rows_per_second: float


@dataclass(frozen=True, slots=True)
class Side:
    """One bundle's figures.

    Attributes:
        recalls: Of each class; NaN for one without rows.
        accuracy: The share of rows that is right.
        calibration_error: The expected one.
        rows_per_second: How fast it was, beside the other.
    """

    recalls: Sequence[float]
    accuracy: float
    calibration_error: float
    rows_per_second: float

    @classmethod
    def of(cls, answers: Answers, truth: Labels) -> "Side":
        """The figures of answers to rows of which the truth is known, class indices (rows,)."""
        is_right, classes = answers.predicted == truth, range(answers.probabilities.shape[1])
        of_classes = [is_right[truth == place] for place in classes]
        recalls = [float(right.mean()) if right.size else math.nan for right in of_classes]
        error = expected_calibration_error(truth, answers.probabilities)
        return cls(recalls, float(is_right.mean()), error, answers.rows_per_second)

    @property
    def macro_recall(self) -> float:
        """The mean recall of the classes that have rows."""
        return float(np.nanmean(self.recalls))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two bundles on the same rows.

    Attributes:
        counts: Label -> rows, in the candidate's order, which is that of all figures by class.
        candidate: The bundle that is to take the other's place.
        old: The bundle that stands there.
        differences: The candidate's recall less the old one's.
    """

    counts: Mapping[str, int]
    candidate: Side
    old: Side
    differences: RecallDifferences

    @property
    def rows(self) -> int:
        """How many rows were answered."""
        return sum(self.counts.values())


def compare_paired(candidate: Predictor, old: Predictor, rows: Sequence[Row], truth: Labels) -> Comparison:
    """Two bundles of the same labels, in whatever order, on the same rows.

    Args:
        candidate: The bundle that is to take the other's place.
        old: The bundle that stands there.
        rows: Texts or fields, at least one.
        truth: Indices (rows,) among the candidate's labels.
    """
    labels = candidate.metadata.labels
    of_candidate, of_old = answers_in_turns([candidate, old], rows, labels)
    differences = recall_differences(truth, of_candidate.predicted, of_old.predicted, len(labels))
    counts = dict(zip(labels, np.bincount(truth, minlength=len(labels)).tolist(), strict=True))
    return Comparison(counts, Side.of(of_candidate, truth), Side.of(of_old, truth), differences)


def answers_in_turns(predictors: Sequence[Predictor], rows: Sequence[Row], labels: Sequence[str]) -> list[Answers]:
    """What each bundle answers, asked in turns so that whatever else the machine does slows all of them alike.

    Args:
        predictors: The bundles, whose labels may have any order.
        rows: Texts or fields, at least one.
        labels: The order of the classes in the answers.
    """
    places = {label: place for place, label in enumerate(labels)}
    predicted = np.empty((len(predictors), len(rows)), np.int64)
    probabilities = np.empty((len(predictors), len(rows), len(labels)), np.float32)
    seconds = [0.0] * len(predictors)
    for turn, start in enumerate(range(0, len(rows), CHUNK)):
        chunk = slice(start, start + CHUNK)
        for which in sorted(range(len(predictors)), reverse=bool(turn % 2)):
            begin = perf_counter()
            answers = predictors[which].predict(rows[chunk])
            seconds[which] += perf_counter() - begin
            predicted[which, chunk] = [places[answer.label] for answer in answers]
            probabilities[which, chunk] = [[answer.probabilities[label] for label in labels] for answer in answers]
    rates = [len(rows) / each for each in seconds]
    return [Answers(*of_one) for of_one in zip(predicted, probabilities, rates, strict=True)]


def recall_differences(
    truth: Labels, candidate: Labels, old: Labels, classes: int, *, resamples: int = RESAMPLES, seed: int = SEED
) -> RecallDifferences:
    """The paired bootstrap of the differences in recall, with percentile intervals.

    Each class is resampled by itself, to as many rows as it has. Macro recall counts classes the same whatever their
    sizes, so that these are no part of what is estimated, and a resample without a rare class would be another figure.
    A row is won, lost or answered alike, so that drawing rows of a class is drawing these three counts from a
    multinomial distribution: memory does not grow with the rows.

    Args:
        truth: Class indices (rows,).
        candidate: What the candidate answers.
        old: What the old model answers.
        classes: How many there are.
        resamples: How many are drawn.
        seed: Of the draws.
    """
    rng = np.random.default_rng(seed)
    won = np.bincount(truth[(candidate == truth) & (old != truth)], minlength=classes)
    lost = np.bincount(truth[(candidate != truth) & (old == truth)], minlength=classes)
    rows = np.bincount(truth, minlength=classes)
    of_classes: list[Difference | None] = [None] * classes
    total = np.zeros(resamples)
    for place in np.flatnonzero(rows).tolist():
        drawn = _drawn(rng, won[place], lost[place], rows[place], resamples)
        of_classes[place] = _difference((won[place] - lost[place]) / rows[place], drawn)
        total += drawn
    values = [each.value for each in of_classes if each]
    return RecallDifferences(_difference(sum(values) / len(values), total / len(values)), of_classes)


def _drawn(rng: np.random.Generator, won: int, lost: int, rows: int, resamples: int) -> npt.NDArray[np.float64]:
    """The difference in one class's recall in each resample."""
    outcomes = np.array([won, lost, rows - won - lost]) + ADDED
    size = round(outcomes.sum())
    counts = rng.multinomial(size, outcomes / size, resamples)
    return np.asarray((counts[:, 0] - counts[:, 1]) / size)


def _difference(value: float, drawn: npt.NDArray[np.float64]) -> Difference:
    low, high = np.quantile(drawn, ENDS).tolist()
    return Difference(float(value), low, high)
