"""Models that a network must beat to have a right to exist, by scikit-learn, and VADER for sentiment.

Each reads texts that went through the preprocessing's own rules, so that what is compared is the model.
"""

import io
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Protocol

import joblib
import numpy as np
import numpy.typing as npt
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from serving.model.metadata import SENTIMENT
from training.recipe.model import TokenizerConfig
from training.text.normalizer import build_normalizer
from training.text.patterns import build_pretokenizer
from training.types import Labels

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


class Baseline(Protocol):
    """Learns from texts and label indices (texts,), and predicts such indices."""

    def fit(self, texts: Sequence[str], labels: Labels) -> Any: ...

    def predict(self, texts: Sequence[str]) -> Labels: ...


def baselines(knobs: TokenizerConfig, labels: list[str], seed: int) -> dict[str, Baseline]:
    """Name -> untrained baseline; those with VADER where the labels are negative, neutral and positive."""
    tfidf = partial(_tfidf, knobs)
    found: dict[str, Baseline] = {
        "majority": DummyClassifier(strategy="most_frequent"),
        "TF-IDF + logistic regression": make_pipeline(tfidf(), _logistic_regression()),
        "TF-IDF + linear SVM": make_pipeline(tfidf(), LinearSVC(C=0.2, class_weight="balanced", random_state=seed)),
        "multinomial naive Bayes": make_pipeline(tfidf(), MultinomialNB(alpha=0.3, fit_prior=False)),
        "decision tree": make_pipeline(
            tfidf(), DecisionTreeClassifier(max_depth=50, class_weight="balanced", random_state=seed)
        ),
        "random forest": make_pipeline(
            tfidf(),
            _Forest(200, min_samples_leaf=2, class_weight="balanced_subsample", n_jobs=-1, random_state=seed),
        ),
    }
    if not reads_sentiment(labels):
        return found
    both = make_pipeline(make_union(tfidf(), FunctionTransformer(vader_scores)), _logistic_regression())
    return {**found, "TF-IDF and VADER + logistic regression": both, VADER: Vader(labels)}


def size(baseline: Baseline) -> int:
    """Bytes of a trained baseline as joblib would store it. Written to memory to be counted, never read."""
    buffer = io.BytesIO()
    joblib.dump(baseline, buffer)
    return buffer.tell()


def _logistic_regression() -> LogisticRegression:
    return LogisticRegression(C=2.0, class_weight="balanced", max_iter=2000)


def _tfidf(knobs: TokenizerConfig) -> TfidfVectorizer:
    return TfidfVectorizer(analyzer=_Analyzer(knobs), min_df=2, sublinear_tf=True)


class _Forest(RandomForestClassifier):  # type: ignore[misc]
    """After whose threads the process warns as it did before.

    Each of scikit-learn's threads empties the filters of warnings for a while and then restores those that it found.
    They are the process's, so that a thread that begins meanwhile finds, and in the end restores, none.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "_Forest":  # noqa: N803
        with warnings.catch_warnings():
            super().fit(X, y, sample_weight)
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        with warnings.catch_warnings():
            return super().predict_proba(X)


class _Analyzer:
    """Pieces and pairs of neighbours of a text, by the preprocessing's rules. A class, so that it can be stored."""

    def __init__(self, knobs: TokenizerConfig) -> None:
        self.knobs = knobs
        self._cut: Callable[[str], list[str]] | None = None

    def __call__(self, text: str) -> list[str]:
        self._cut = self._cut or _cutter(self.knobs)
        pieces = self._cut(text)
        return [*pieces, *map(" ".join, pairwise(pieces))]

    def __getstate__(self) -> dict[str, Any]:
        return {"knobs": self.knobs, "_cut": None}


def _cutter(knobs: TokenizerConfig) -> Callable[[str], list[str]]:
    normalizer, pieces = build_normalizer(knobs), build_pretokenizer()
    return lambda text: [piece for piece, _ in pieces.pre_tokenize_str(normalizer.normalize_str(text))]
