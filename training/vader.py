"""VADER's lexicon and rules of sentiment, as a classifier of its own and as features beside words.

Hutto and Gilbert 2014, VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text
(https://doi.org/10.1609/icwsm.v8i1.14550).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from serving.metadata import SENTIMENT
from training.metrics import Labels

VADER = "VADER"


def reads_sentiment(labels: Sequence[str]) -> bool:
    """Whether these are the classes that VADER knows."""
    return {label.lower() for label in labels} == SENTIMENT


class Vader:
    """VADER's compound score cut at its authors' thresholds, -0.05 and 0.05; it learns nothing.

    `labels` are those of the bundle, the three of sentiment among them.
    """

    def __init__(self, labels: list[str]) -> None:
        self._index = {label.lower(): i for i, label in enumerate(labels)}
        self._analyzer = SentimentIntensityAnalyzer()

    def fit(self, texts: Sequence[str], labels: Labels) -> None:
        """Nothing to learn."""

    def predict(self, texts: Sequence[str]) -> Labels:
        """Label indices (texts,)."""
        scores = [self._analyzer.polarity_scores(text)["compound"] for text in texts]
        return np.array([self._index[_polarity(score)] for score in scores], dtype=np.int64)


def vader_scores(texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """Features for a linear model, (texts, 4): it can tell a neutral text from both kinds of others by the last.

    The shares of negative and of positive words in [0, 1], the compound score in [-1, 1], and its size.
    """
    analyzer = SentimentIntensityAnalyzer()
    scores = [analyzer.polarity_scores(text) for text in texts]
    found = [(score["neg"], score["pos"], score["compound"], abs(score["compound"])) for score in scores]
    return np.array(found, dtype=np.float64).reshape(-1, 4)


def _polarity(compound: float) -> str:
    return "positive" if compound >= 0.05 else "negative" if compound <= -0.05 else "neutral"
