"""Knowledge distillation: bundles, files of answers and cross-fitted baselines, whose probabilities are targets."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline

from serving.errors import BundleError
from serving.model.predictor import Predictor
from training.data.teacher_file import TeacherFile
from training.errors import DataError
from training.types import Floats, Labels

FOLDS = 5  # each baseline learns from four fifths of the rows; scikit-learn's own default


def load_teachers(folders: Sequence[str], labels: list[str]) -> list[Predictor]:
    """The bundles that teach.

    Args:
        folders: Their folders.
        labels: The labels that they must have, in this order.

    Raises:
        DataError: A bundle cannot be loaded, or has other labels.
    """
    return [_load_teacher(folder, labels) for folder in folders]


def _load_teacher(folder: str, labels: list[str]) -> Predictor:
    try:
        predictor = Predictor.load(Path(folder))
    except BundleError as error:
        raise DataError(f"stages.teachers: {error}") from error
    if predictor.metadata.labels != labels:
        raise DataError(f"stages.teachers: {folder} has labels {predictor.metadata.labels}; accepted: {labels}")
    return predictor


def load_teacher_files(paths: Sequence[str], labels: list[str]) -> list[TeacherFile]:
    """The files of answers that teach.

    Args:
        paths: The files.
        labels: The labels that they must have, in this order.

    Raises:
        DataError: A file cannot be read, or has other labels.
    """
    files = [TeacherFile.read(Path(path)) for path in paths]
    for path, file in zip(paths, files, strict=True):
        if file.info.labels != labels:
            raise DataError(f"stages.teacher_files: {path} has labels {file.info.labels}; accepted: {labels}")
    return files


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
