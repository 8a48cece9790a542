"""Rows as encoded batches with targets and weights, stage by stage."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from serving.model.tokenizer import Encoder
from training.data.dataset import Dataset
from training.data.weak_labels import WeakLabelDataset
from training.errors import DataError
from training.evaluation.baselines import baselines
from training.fit.batches import Batches
from training.fit.distillation import FOLDS, CrossFitted, Teachers
from training.fit.loop import class_weights
from training.model.multitask import MultiTaskModel
from training.recipe.recipe import Recipe
from training.recipe.stages import Stage
from training.types import Floats


class StageData:
    """Arguments: the recipe; the labelled parts; `weak`, which reads the rows of other tasks; the model and encoder.

    Raises DataError where a class has too few rows for a baseline that is to teach, or its labels are not for it.
    """

    def __init__(
        self,
        recipe: Recipe,
        dataset: Dataset,
        weak: Callable[[], WeakLabelDataset],
        multitask: MultiTaskModel,
        encoder: Encoder,
    ) -> None:
        self.recipe, self.dataset, self.weak = recipe, dataset, weak
        self.multitask, self.encoder = multitask, encoder
        self._baselines: dict[tuple[str, ...], CrossFitted] = {}
        self._tasks = {source.key for source in recipe.data.task_sources}
        if wanted := {str(name) for stage in recipe.schedule for name in stage.teacher_baselines}:
            self._check_known(wanted)
            self._check_folds()

    def of_stage(self, stage: Stage) -> tuple[Batches, Batches | None]:
        """What the stage trains on, and what chooses the epoch to keep: None where it has no row with a label."""
        own = _chosen(self.dataset.train, stage).assign(task="")
        frames = [own] if len(own) else []
        if self._tasks & set(stage.sources):
            frames.append(_chosen(self.weak().rows, stage))
        rows = pd.concat(frames, ignore_index=True)
        encoded = self.encoder.encode(rows.text.tolist())
        targets, weights = self._targets(rows, stage), _weights(rows, stage)
        if stage.is_taught:
            targets = self._taught(rows, targets, stage)
        train = Batches(self.encoder, encoded, targets, weights, stage.batch_size)
        return train, self.validation if len(own) or stage.is_taught else None

    @cached_property
    def validation(self) -> Batches:
        """The validation part, whose targets are one-hot over the network's own classes."""
        frame, size = self.dataset.validation, self.recipe.fit.batch_size
        targets = np.eye(len(self.dataset.labels), dtype=np.float32)[frame.label.to_numpy()]
        ones = np.ones(len(frame), np.float32)
        return Batches(self.encoder, self.encoder.encode(frame.text.tolist()), targets, ones, size)

    def _targets(self, rows: pd.DataFrame, stage: Stage) -> Floats:
        targets = np.zeros((len(rows), self.multitask.width), np.float32)
        for task, places in rows.groupby("task").indices.items():
            labels = rows.label.to_numpy(np.int64)[places]
            targets[places] = self.multitask.targets(labels, str(task), stage.label_smoothing)
        return targets

    def _taught(self, rows: pd.DataFrame, targets: Floats, stage: Stage) -> Floats:
        texts = rows.text.tolist()
        bundles = Teachers(stage.teachers, self.dataset.labels).all_answers(texts)
        fitted = [self._cross_fitted(name, stage).answers(texts) for name in stage.teacher_baselines]
        answers: Floats = np.mean([*bundles, *fitted], axis=0, dtype=np.float32)
        share = np.where(rows.task == "", stage.teacher_share, 1.0).astype(np.float32)[:, None]
        taught = targets * (1 - share)
        taught[:, : answers.shape[1]] += answers * share
        return taught

    def _cross_fitted(self, name: str, stage: Stage) -> CrossFitted:
        """The baseline of the stage's own labelled rows, or of all where those say too little of a class."""
        own = _chosen(self.dataset.train, stage)
        least = np.bincount(own.label.to_numpy(np.int64), minlength=len(self.dataset.labels)).min()
        train = own if least >= FOLDS else self.dataset.train
        key = (name, *sorted(set(train.source)))
        if key not in self._baselines:
            seed = self.recipe.split_seed
            pipeline: Any = baselines(self.recipe.tokenizer, self.dataset.labels, seed)[name]
            weights = train.weight.to_numpy(np.float32)
            try:
                fitted = CrossFitted(pipeline, train.text.tolist(), train.label.to_numpy(), weights, seed)
            except ValueError as error:  # as where no word is there twice
                raise DataError(f"stages.{stage.name}.teacher_baselines: {name} cannot learn: {error}") from error
            self._baselines[key] = fitted
        return self._baselines[key]

    def _check_known(self, wanted: set[str]) -> None:
        labels = self.dataset.labels
        if missing := sorted(wanted - set(baselines(self.recipe.tokenizer, labels, self.recipe.split_seed))):
            accepted = "labels negative, neutral and positive, which are what VADER knows"
            raise DataError(f"stages.teacher_baselines: found {missing} for labels {labels}; accepted: {accepted}")

    def _check_folds(self) -> None:
        for label, rows in self.dataset.sizes()["train"].items():
            if rows < FOLDS:
                found = f"class {label!r} has {rows} rows in the training part"
                raise DataError(f"stages.teacher_baselines: {found}; accepted: at least {FOLDS}, one in each fold")


def _chosen(frame: pd.DataFrame, stage: Stage) -> pd.DataFrame:
    return frame[frame.source.isin(stage.sources)] if stage.sources else frame


def _weights(rows: pd.DataFrame, stage: Stage) -> Floats:
    """Of each row: its source's weight, or the stage's for that source, and under balance its class's.

    Where a source's groups are balanced too, also its class's in its group: so that a class is not given up where what
    is spoken of alone says that it is rare.
    """
    weights = rows.source.map(stage.weights).fillna(rows.weight).to_numpy(np.float32, copy=True)
    if stage.class_balance:
        for _, places in rows.groupby("task").indices.items():
            labels = rows.label.to_numpy(np.int64)[places]
            weights[places] *= class_weights(labels, stage.class_balance)[labels]
    for source, balance in stage.group_balances.items():
        own = rows[rows.source == source]
        for _, members in own.groupby("group") if len(own) else ():  # rows of other tasks alone have no groups
            labels = members.label.to_numpy(np.int64)
            weights[members.index.to_numpy()] *= class_weights(labels, balance)[labels]
    return weights
