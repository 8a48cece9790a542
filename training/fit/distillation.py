"""Knowledge distillation: bundles and cross-fitted baselines whose probabilities are targets beside the labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline

from serving.errors import BundleError
from serving.model.metadata import Metadata
from serving.model.predictor import Predictor
from training.errors import DataError
from training.evaluation.leakage import Split, check_no_test_leakage
from training.recipe.recipe import Recipe
from training.types import Floats, Labels

FOLDS = 5  # each baseline learns from four fifths of the rows; scikit-learn's own default


class Teachers:
    """Bundles that teach.

    Args:
        folders: Their folders.
        labels: The labels that they must have, in this order.

    Raises:
        DataError: A bundle cannot be loaded, or has other labels.
    """

    def __init__(self, folders: Sequence[str], labels: list[str]) -> None:
        self._labels = labels
        self._predictors = [_loaded(folder, labels) for folder in folders]

    @property
    def metadata(self) -> list[Metadata]:
        """What each says of itself."""
        return [predictor.metadata for predictor in self._predictors]

    def predict(self, texts: Sequence[str]) -> list[Floats]:
        """The probabilities of each, float32 (texts, classes)."""
        return [self._probabilities(predictor, texts) for predictor in self._predictors]

    def check_no_test_leakage(self, recipe: Recipe, files: Sequence[tuple[str, str]], split: Split) -> None:
        """Check that none was trained on what is validation or test here.

        Args:
            recipe: The recipe of the run that they are to teach.
            files: Name and sha256 of its data files, in the order in which they are read.
            split: Rows of each part by label.

        Raises:
            DataError: One was.
        """
        for predictor in self._predictors:
            check_no_test_leakage(predictor.metadata, recipe, files, split, "stages.teachers")

    def _probabilities(self, predictor: Predictor, texts: Sequence[str]) -> Floats:
        rows = [[p.probabilities[label] for label in self._labels] for p in predictor.predict(texts)]
        return np.array(rows, dtype=np.float32)


def _loaded(folder: str, labels: list[str]) -> Predictor:
    try:
        predictor = Predictor.load(Path(folder))
    except BundleError as error:
        raise DataError(f"stages.teachers: {error}") from error
    if predictor.metadata.labels != labels:
        raise DataError(f"stages.teachers: {folder} has labels {predictor.metadata.labels}; accepted: {labels}")
    return predictor


class CrossFitted:
    """Baseline whose probabilities are as honest on texts that it learned from as on others.

    Every text gets its probabilities from the fit of the folds without it, as in stacking: Wolpert 1992
    (https://doi.org/10.1016/S0893-6080(05)80023-1). The vectorizer, which sees no label, is fitted once.

    Args:
        pipeline: Of scikit-learn, untrained: a vectorizer and a classifier.
        texts: Distinct ones.
        labels: Class indices, int64 (texts,), each class in at least `FOLDS` of them.
        weights: Of each text, float32 (texts,).
        seed: Of the folds.
    """

    def __init__(self, pipeline: Pipeline, texts: Sequence[str], labels: Labels, weights: Floats, seed: int) -> None:
        self._vectorizer, classifier = pipeline[0], pipeline[-1]
        features = self._vectorizer.fit_transform(texts)
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        self._held_out = cross_val_predict(
            clone(classifier), features, labels, cv=folds, method="predict_proba", params={"sample_weight": weights}
        ).astype(np.float32)
        self._classifier = classifier.fit(features, labels, sample_weight=weights)
        self._rows = {text: row for row, text in enumerate(texts)}

    def predict(self, texts: Sequence[str]) -> Floats:
        """Probabilities, float32 (texts, classes)."""
        probabilities = np.zeros((len(texts), self._held_out.shape[1]), np.float32)
        rows = np.array([self._rows.get(text, -1) for text in texts], dtype=np.int64)
        known = rows >= 0
        unknown_texts = [text for text, row in zip(texts, rows, strict=True) if row < 0]
        probabilities[known] = self._held_out[rows[known]]
        if unknown_texts:
            probabilities[~known] = self._classifier.predict_proba(self._vectorizer.transform(unknown_texts))
        return probabilities
