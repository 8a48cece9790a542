"""Baselines without scikit-learn: the majority, and VADER for sentiment.

They stand apart so that a process that answers with one of them alone takes no more memory than it needs.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from training.types import Labels, Probabilities

VADER, MAJORITY = "VADER", "majority"
THRESHOLD = 0.05  # of VADER's authors, for its compound score


class Majority:
    """The most frequent label, whatever is asked."""

    def __init__(self) -> None:
        self._counts: Labels = np.ones(1, np.int64)

    def fit(self, rows: Sequence[Any], labels: Labels) -> None:  # noqa: ARG002
        """Count the labels."""
        self._counts = np.bincount(labels)

    def predict(self, rows: Sequence[Any]) -> Labels:
        """Label indices (rows,)."""
        return np.full(len(rows), self._counts.argmax(), dtype=np.int64)

    def predict_proba(self, rows: Sequence[Any]) -> Probabilities:
        """1 for that label, (rows, classes)."""
        return np.asarray(np.eye(len(self._counts))[self.predict(rows)])


class Vader:
    """VADER's compound score, cut at its authors' thresholds. It learns nothing.

    Hutto and Gilbert 2014, VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text.

    Args:
        labels: Those of the bundle: negative, neutral and positive.
    """

    def __init__(self, labels: list[str]) -> None:
        self._index = {label.lower(): i for i, label in enumerate(labels)}
        self._analyzer = SentimentIntensityAnalyzer()

    def fit(self, texts: Sequence[str], labels: Labels) -> None:
        """Nothing to learn."""

    def predict(self, texts: Sequence[str]) -> Labels:
        """Label indices (texts,)."""
        scores = [self._analyzer.polarity_scores(text)["compound"] for text in texts]
        return np.array([self._index[polarity(score)] for score in scores], dtype=np.int64)

    def predict_proba(self, texts: Sequence[str]) -> Probabilities:
        """Softmax of (-compound, threshold, compound), (texts, 3): greatest for what it predicts."""
        from scipy.special import softmax  # here, as telling labels alone needs none of SciPy

        compound = vader_scores(texts)[:, 2]
        logits = {"negative": -compound, "neutral": np.full_like(compound, THRESHOLD), "positive": compound}
        columns = sorted(self._index, key=lambda label: self._index[label])
        return np.asarray(softmax(np.stack([logits[label] for label in columns], axis=1), axis=1))


WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


@cache
def _lexicon() -> frozenset[str]:
    return frozenset(SentimentIntensityAnalyzer().lexicon)


def opinion_words(text: str) -> int:
    """How many words of a text are in VADER's lexicon, which says of words how positive or negative they are."""
    return sum(word in _lexicon() for word in WORD.findall(text.lower()))


def vader_scores(texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """Features for a linear model.

    Returns:
        (texts, 4): the shares of negative and of positive words in [0, 1], the compound score in [-1, 1], and its
        size, by which a neutral text can be told from both kinds of others.
    """
    analyzer = SentimentIntensityAnalyzer()
    scores = [analyzer.polarity_scores(text) for text in texts]
    features = [(score["neg"], score["pos"], score["compound"], abs(score["compound"])) for score in scores]
    return np.array(features, dtype=np.float64).reshape(-1, 4)


def polarity(compound: float) -> str:
    """The class of a compound score in [-1, 1], by the thresholds of VADER's authors."""
    return "positive" if compound >= THRESHOLD else "negative" if compound <= -THRESHOLD else "neutral"
