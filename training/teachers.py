"""Bundles that a stage learns from, by the mean of their answers.

Distillation of an ensemble into one network: Hinton, Vinyals and Dean 2015 (https://arxiv.org/abs/1503.02531).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from serving.errors import BundleError
from serving.metadata import Metadata
from serving.predictor import Predictor
from training.batches import Floats
from training.errors import DataError
from training.recipe import Recipe

SPLIT = ("labels", "rename", "ignore", "validation", "test", "quoted", "text", "label")


class Teachers:
    """Arguments: folders of bundles; the labels that they must have, in this order. Raises DataError."""

    def __init__(self, folders: Sequence[str], labels: list[str]) -> None:
        self._labels = labels
        self._predictors = [_loaded(folder, labels) for folder in folders]

    @property
    def versions(self) -> list[str]:
        """The model version of each."""
        return [predictor.metadata.model_version for predictor in self._predictors]

    def all_answers(self, texts: Sequence[str]) -> list[Floats]:
        """The probabilities of each, float32 (texts, classes)."""
        return [self._of(predictor, texts) for predictor in self._predictors]

    def check_blind(self, recipe: Recipe, files: Sequence[tuple[str, str]]) -> None:
        """That none was trained on what is validation or test here.

        A teacher of other files passes; one that shares a file must have been given the same files, split alike.
        Raises DataError.
        """
        for predictor in self._predictors:
            known = _split(predictor.metadata)
            ours = {"files": sorted(sha for _, sha in files), **_split_of(recipe)}
            if set(known["files"]) & set(ours["files"]) and known != ours:
                different = sorted(key for key in ours if ours[key] != known.get(key))
                raise DataError(
                    f"stages.teachers: {predictor.metadata.name} {predictor.metadata.model_version} has seen rows of "
                    f"other parts of the same files: its {', '.join(different)} differ; accepted: teachers of one "
                    "split (data.split_seed), or of other files"
                )

    def _of(self, predictor: Predictor, texts: Sequence[str]) -> Floats:
        found = [[p.probabilities[label] for label in self._labels] for p in predictor.predict(texts)]
        return np.array(found, dtype=np.float32)


def _split(metadata: Metadata) -> dict[str, Any]:
    recipe = Recipe.model_validate(metadata.recipe)
    return {"files": sorted(file.sha256 for file in metadata.data), **_split_of(recipe)}


def _split_of(recipe: Recipe) -> dict[str, Any]:
    """What decides which part a row is in."""
    said = recipe.data.model_dump(mode="json", include=set(SPLIT))
    where = ("file", "text", "label", "where", "where_not", "rows", "task", "part", "hold_out")
    sources = [source.model_dump(mode="json", include=set(where)) for source in recipe.data.sources]
    return {**said, "sources": sources, "split seed": recipe.split_seed}


def _loaded(folder: str, labels: list[str]) -> Predictor:
    try:
        predictor = Predictor.load(Path(folder))
    except BundleError as error:
        raise DataError(f"stages.teachers: {error}") from error
    if predictor.metadata.labels != labels:
        raise DataError(f"stages.teachers: {folder} has labels {predictor.metadata.labels}; accepted: {labels}")
    return predictor
