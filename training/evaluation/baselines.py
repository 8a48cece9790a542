"""Baselines of texts that a network must beat, by scikit-learn, and VADER for sentiment.

Each reads texts that went through the preprocessing's own rules, so that what is compared is the model.
"""

import io
import warnings
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Protocol

import joblib
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from serving.model.metadata import SENTIMENT
from training.evaluation.light_baselines import MAJORITY, VADER, Majority, Vader, vader_scores
from training.recipe.model import TokenizerConfig
from training.text.normalizer import build_normalizer
from training.text.patterns import build_pretokenizer
from training.types import Labels

TFIDF = "TF-IDF + logistic regression"
TFIDF_VADER = "TF-IDF and VADER + logistic regression"


def reads_sentiment(labels: Sequence[str]) -> bool:
    """Whether these are the classes that VADER knows."""
    return {label.lower() for label in labels} == SENTIMENT


class Baseline(Protocol):
    """Learns from rows and label indices (rows,), and predicts such indices."""

    def fit(self, rows: Sequence[Any], labels: Labels, /) -> Any:
        """Learn."""

    def predict(self, rows: Sequence[Any], /) -> Labels:
        """Label indices (rows,)."""


def baselines(config: TokenizerConfig, labels: list[str], seed: int) -> dict[str, Baseline]:
    """Untrained baselines by name.

    Args:
        config: The preprocessing, whose rules they share.
        labels: The classes; those with VADER are left out where these are not negative, neutral and positive.
        seed: Of those that draw at random.
    """
    tfidf = partial(_tfidf, config)
    candidates: dict[str, Baseline] = {
        MAJORITY: Majority(),
        TFIDF: make_pipeline(tfidf(), _logistic_regression()),
        "TF-IDF + linear SVM": make_pipeline(tfidf(), LinearSVC(C=0.2, class_weight="balanced", random_state=seed)),
        "multinomial naive Bayes": make_pipeline(tfidf(), MultinomialNB(alpha=0.3, fit_prior=False)),
        "decision tree": make_pipeline(
            tfidf(), DecisionTreeClassifier(max_depth=50, class_weight="balanced", random_state=seed)
        ),
        "random forest": make_pipeline(
            tfidf(),
            Forest(200, min_samples_leaf=2, class_weight="balanced_subsample", n_jobs=-1, random_state=seed),
        ),
    }
    if not reads_sentiment(labels):
        return candidates
    both = make_pipeline(make_union(tfidf(), FunctionTransformer(vader_scores)), _logistic_regression())
    return {**candidates, TFIDF_VADER: both, VADER: Vader(labels)}


def size(baseline: Baseline) -> int:
    """Bytes of a trained baseline as joblib would store it. Written to memory to be counted, never read."""
    buffer = io.BytesIO()
    joblib.dump(baseline, buffer)
    return buffer.tell()


def _logistic_regression() -> LogisticRegression:
    return LogisticRegression(C=2.0, class_weight="balanced", max_iter=2000)


def _tfidf(config: TokenizerConfig) -> TfidfVectorizer:
    return TfidfVectorizer(analyzer=_Analyzer(config), min_df=2, sublinear_tf=True)


class Forest(RandomForestClassifier):  # type: ignore[misc]
    """Random forest after whose threads the process warns as it did before.

    Each of scikit-learn's threads empties the filters of warnings for a while and then restores those that it found.
    They are the process's, so that a thread that begins meanwhile finds, and in the end restores, none.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "Forest":  # noqa: N803
        """See RandomForestClassifier."""
        with warnings.catch_warnings():
            super().fit(X, y, sample_weight)
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        """See RandomForestClassifier."""
        with warnings.catch_warnings():
            return super().predict_proba(X)


class _Analyzer:
    """Words and bigrams of a text, by the preprocessing's rules. A class, so that it can be stored."""

    def __init__(self, config: TokenizerConfig) -> None:
        self.normalizer, self.pretokenizer = build_normalizer(config), build_pretokenizer()

    def __call__(self, text: str) -> list[str]:
        normalized = self.normalizer.normalize_str(text)
        words = [word for word, _ in self.pretokenizer.pre_tokenize_str(normalized)]
        return [*words, *map(" ".join, pairwise(words))]
