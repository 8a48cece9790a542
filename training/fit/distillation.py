"""A baseline as a teacher: its answers to rows that it learned from come from fits that have not seen them."""

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


class Teachers:
    """Arguments: folders of bundles; the labels that they must have, in this order. Raises DataError."""

    def __init__(self, folders: Sequence[str], labels: list[str]) -> None:
        self._labels = labels
        self._predictors = [_loaded(folder, labels) for folder in folders]

    @property
    def metadata(self) -> list[Metadata]:
        """What each says of itself."""
        return [predictor.metadata for predictor in self._predictors]

    def all_answers(self, texts: Sequence[str]) -> list[Floats]:
        """The probabilities of each, float32 (texts, classes)."""
        return [self._of(predictor, texts) for predictor in self._predictors]

    def check_no_test_leakage(self, recipe: Recipe, files: Sequence[tuple[str, str]], split: Split) -> None:
        """That none was trained on what is validation or test here. Raises DataError."""
        for predictor in self._predictors:
            check_no_test_leakage(predictor.metadata, recipe, files, split, "stages.teachers")

    def _of(self, predictor: Predictor, texts: Sequence[str]) -> Floats:
        found = [[p.probabilities[label] for label in self._labels] for p in predictor.predict(texts)]
        return np.array(found, dtype=np.float32)


def _loaded(folder: str, labels: list[str]) -> Predictor:
    try:
        predictor = Predictor.load(Path(folder))
    except BundleError as error:
        raise DataError(f"stages.teachers: {error}") from error
    if predictor.metadata.labels != labels:
        raise DataError(f"stages.teachers: {folder} has labels {predictor.metadata.labels}; accepted: {labels}")
    return predictor


FOLDS = 5


class CrossFitted:
    """Probabilities of a scikit-learn pipeline of a vectorizer and a classifier, as honest on known texts as on others.

    Arguments: the untrained pipeline; distinct texts; their class indices (texts,), each class in at least 5 of them;
    weights (texts,); a seed for the folds. Every text gets its answer from the fit of the four folds without it, as in
    stacking, Wolpert 1992 (https://doi.org/10.1016/S0893-6080(05)80023-1); the vectorizer, which sees no label, is
    fitted once.
    """

    def __init__(self, pipeline: Pipeline, texts: Sequence[str], labels: Labels, weights: Floats, seed: int) -> None:
        self._vectorizer, classifier = pipeline[0], pipeline[-1]
        features = self._vectorizer.fit_transform(texts)
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        self._apart = cross_val_predict(
            clone(classifier), features, labels, cv=folds, method="predict_proba", params={"sample_weight": weights}
        ).astype(np.float32)
        self._classifier = classifier.fit(features, labels, sample_weight=weights)
        self._places = {text: place for place, text in enumerate(texts)}

    def answers(self, texts: Sequence[str]) -> Floats:
        """Probabilities, float32 (texts, classes)."""
        found = np.zeros((len(texts), self._apart.shape[1]), np.float32)
        places = np.array([self._places.get(text, -1) for text in texts], dtype=np.int64)
        known = places >= 0
        new = [text for text, place in zip(texts, places, strict=True) if place < 0]
        found[known] = self._apart[places[known]]
        if new:
            found[~known] = self._classifier.predict_proba(self._vectorizer.transform(new))
        return found
