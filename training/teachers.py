"""Bundles that a stage learns from, by the mean of their answers.

Distillation of an ensemble into one network: Hinton, Vinyals and Dean 2015 (https://arxiv.org/abs/1503.02531).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from serving.errors import BundleError
from serving.metadata import Metadata
from serving.predictor import Predictor
from training.batches import Floats
from training.blindness import Split, check_blind
from training.errors import DataError
from training.recipe import Recipe


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

    def check_blind(self, recipe: Recipe, files: Sequence[tuple[str, str]], split: Split) -> None:
        """That none was trained on what is validation or test here. Raises DataError."""
        for predictor in self._predictors:
            check_blind(predictor.metadata, recipe, files, split, "stages.teachers")

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
