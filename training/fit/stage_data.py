"""Rows of a stage as encoded batches, with targets and weights."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.data.dataset import Dataset, of_stage
from training.data.weak_labels import WeakLabelDataset
from training.errors import DataError
from training.evaluation.baselines import baselines
from training.evaluation.evaluate import served_probabilities
from training.fit.batches import Batches
from training.fit.distillation import FOLDS, CrossFitted, load_teacher_files, load_teachers
from training.fit.loop import class_weights
from training.inputs.base import InputEncoding
from training.model.multitask import MultiTaskModel
from training.recipe.recipe import Recipe
from training.recipe.stages import Stage
from training.types import Floats

# Of a stage's rows, by each file of answers. Files may share them; but fewer are those of other texts, or of texts read
# otherwise.
MIN_ANSWERED = 0.25


class StageData:
    """The rows of each stage of a run, as batches.

    Args:
        recipe: The recipe.
        dataset: The labelled rows.
        weak: The rows of other tasks; None where no stage reads them.
        multitask: The model, which says where a task's classes are.
        encoding: Makes arrays of the rows.

    Raises:
        DataError: A weight is of a class that is not there; one has too few rows for a baseline that is to teach, or
            the baseline does not know the labels.
    """

    def __init__(
        self,
        recipe: Recipe,
        dataset: Dataset,
        weak: WeakLabelDataset | None,
        multitask: MultiTaskModel,
        encoding: InputEncoding,
    ) -> None:
        self.recipe, self.dataset, self.weak = recipe, dataset, weak
        self.multitask, self.encoding = multitask, encoding
        self.validation = self._validation()
        self._baselines: dict[tuple[str, ...], CrossFitted] = {}
        self._check_classes()
        if names := {str(name) for stage in recipe.schedule for name in stage.teacher_baselines}:
            self._check_known(names)
            self._check_folds()

    def batches(self, stage: Stage) -> tuple[Batches, Batches | None]:
        """What a stage trains on, and what chooses its epoch: None where no row has a label of the network's."""
        rows = self._rows(stage)
        encoded = self.encoding.encode(rows.row.tolist())
        targets, weights = self._targets(rows, stage), _weights(rows, stage)
        if stage.is_taught:
            targets = self._taught(rows, targets, stage)
        if stage.class_weights:
            factors = np.ones(self.multitask.width, np.float32)
            factors[: len(self.dataset.labels)] = [stage.class_weights.get(name, 1.0) for name in self.dataset.labels]
            targets, weights = _weighed(targets, weights, factors)
        train = Batches(self.encoding, encoded, targets, weights, stage.batch_size)
        return train, self.validation if (rows.task == "").any() or stage.is_taught else None

    def check_teacher_files(self, stages: Sequence[Stage]) -> None:
        """Check that the files of answers know enough of what these stages learn from.

        Raises:
            DataError: One has answers for less than `MIN_ANSWERED` of a stage's rows.
        """
        for stage in stages:
            texts = self._rows(stage).row.tolist() if stage.teacher_files else []
            files = load_teacher_files(stage.teacher_files, self.dataset.labels)
            for path, file in zip(stage.teacher_files, files, strict=True):
                answered = int(file.predict(texts)[1].sum())
                if answered < MIN_ANSWERED * len(texts):
                    raise DataError(
                        f"stages.{stage.name}.teacher_files: {path} has answers for {answered:,} of the {len(texts):,} "
                        f"rows; accepted: for at least {MIN_ANSWERED:.0%}, of texts as this recipe reads them"
                    )

    def _rows(self, stage: Stage) -> pd.DataFrame:
        """The labelled rows of a stage, whose task is empty, and those of other tasks."""
        labelled = of_stage(self.dataset.train, stage).assign(task="")
        frames = [labelled] if len(labelled) else []
        if self.weak and {source.key for source in self.recipe.data.task_sources} & set(stage.sources):
            frames.append(of_stage(self.weak.rows, stage))
        return pd.concat(frames, ignore_index=True)

    def _validation(self) -> Batches:
        """The validation part, whose targets are one-hot over the network's own classes."""
        frame, size = self.dataset.validation, self.recipe.fit.batch_size
        targets = np.eye(len(self.dataset.labels), dtype=np.float32)[frame.label.to_numpy()]
        ones = np.ones(len(frame), np.float32)
        return Batches(self.encoding, self.encoding.encode(frame.row.tolist()), targets, ones, size)

    def _targets(self, rows: pd.DataFrame, stage: Stage) -> Floats:
        targets = np.zeros((len(rows), self.multitask.width), np.float32)
        for task, positions in rows.groupby("task").indices.items():
            labels = rows.label.to_numpy(np.int64)[positions]
            targets[positions] = self.multitask.targets(labels, str(task), stage.label_smoothing)
        return targets

    def _taught(self, rows: pd.DataFrame, targets: Floats, stage: Stage) -> Floats:
        """The targets with the teachers' share in them: all of it where a row has no label of the network's.

        A row that no teacher has an answer for keeps its target.
        """
        probabilities, answered = self._teachers_mean(rows.row.tolist(), (rows.task == "").to_numpy(), stage)
        of_source = rows.source.map(stage.teacher_shares).fillna(stage.teacher_share)
        share = np.where(rows.task == "", of_source, 1.0).astype(np.float32)
        share = np.where(answered, share, 0)[:, None]
        taught = targets * (1 - share)
        taught[:, : probabilities.shape[1]] += probabilities * share
        return taught

    def _teachers_mean(
        self, texts: list[str], labelled: npt.NDArray[np.bool_], stage: Stage
    ) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """The mean answer of the teachers that have one, float32 (texts, classes), and whether any has, (texts,).

        A baseline, which knows words alone, counts on a text without a label only where no file has an answer.
        """
        labels, everywhere = self.dataset.labels, np.ones(len(texts), bool)
        files = [file.predict(texts) for file in load_teacher_files(stage.teacher_files, labels)]
        bundles = [served_probabilities(teacher, texts) for teacher in load_teachers(stage.teachers, labels)]
        asked = labelled | ~np.any([~everywhere, *(known for _, known in files)], axis=0)
        baselines = [self._asked(self._cross_fitted(name, stage), texts, asked) for name in stage.teacher_baselines]
        answers = [*files, *((answer, everywhere) for answer in bundles), *((answer, asked) for answer in baselines)]
        total: Floats = np.sum([probabilities for probabilities, _ in answers], axis=0, dtype=np.float32)
        count: Floats = np.sum([known for _, known in answers], axis=0, dtype=np.float32)
        mean = (total / np.maximum(count, 1)[:, None]).astype(np.float32, copy=False)
        return mean, count > 0

    def _asked(self, baseline: CrossFitted, texts: list[str], asked: npt.NDArray[np.bool_]) -> Floats:
        """Its answers to the texts that it is asked, 0 elsewhere: float32 (texts, classes)."""
        probabilities = np.zeros((len(texts), len(self.dataset.labels)), np.float32)
        if asked.any():
            probabilities[asked] = baseline.predict([text for text, wanted in zip(texts, asked, strict=True) if wanted])
        return probabilities

    def _cross_fitted(self, name: str, stage: Stage) -> CrossFitted:
        """The baseline of the stage's own labelled rows, or of all where those are too few of a class."""
        labelled = of_stage(self.dataset.train, stage)
        counts = np.bincount(labelled.label.to_numpy(np.int64), minlength=len(self.dataset.labels))
        train = labelled if counts.min() >= FOLDS else self.dataset.train
        key = (name, *sorted(set(train.source)))
        if key not in self._baselines:
            seed = self.recipe.split_seed
            pipeline: Any = baselines(self.recipe.tokenizer, self.dataset.labels, seed)[name]
            texts, labels, weights = train.row.tolist(), train.label.to_numpy(), train.weight.to_numpy(np.float32)
            try:
                self._baselines[key] = CrossFitted(pipeline, texts, labels, weights, seed)
            except ValueError as error:  # as where no word is there twice
                raise DataError(f"stages.{stage.name}.teacher_baselines: {name} cannot learn: {error}") from error
        return self._baselines[key]

    def _check_classes(self) -> None:
        for stage in self.recipe.schedule:
            if unknown := sorted(set(stage.class_weights) - set(self.dataset.labels)):
                labels = ", ".join(self.dataset.labels)
                raise DataError(f"stages.{stage.name}.class_weights: found {unknown}; accepted: {labels}")

    def _check_known(self, names: set[str]) -> None:
        labels = self.dataset.labels
        if unknown := sorted(names - set(baselines(self.recipe.tokenizer, labels, self.recipe.split_seed))):
            accepted = "labels negative, neutral and positive, which are what VADER knows"
            raise DataError(f"stages.teacher_baselines: found {unknown} for labels {labels}; accepted: {accepted}")

    def _check_folds(self) -> None:
        for label, rows in self.dataset.sizes()["train"].items():
            if rows < FOLDS:
                fault = f"class {label!r} has {rows} rows in the training part"
                raise DataError(f"stages.teacher_baselines: {fault}; accepted: at least {FOLDS}, one in each fold")


def _weights(rows: pd.DataFrame, stage: Stage) -> Floats:
    """Of each row: its source's weight, or the stage's for that source, and under balance its class's.

    Where a source's groups are balanced too, also its class's in its group: so that a class is not given up where what
    is spoken of alone says that it is rare.
    """
    weights = rows.source.map(stage.weights).fillna(rows.weight).to_numpy(np.float32, copy=True)
    labels = rows.label.to_numpy(np.int64)
    if stage.class_balance:
        for positions in rows.groupby("task").indices.values():
            of_task = labels[positions]
            weights[positions] *= class_weights(of_task, stage.class_balance)[of_task]
    for source, balance in stage.group_balances.items():
        of_source = rows[rows.source == source]
        for _, members in of_source.groupby("group") if len(of_source) else ():  # rows of other tasks have no groups
            positions = members.index.to_numpy()
            weights[positions] *= class_weights(labels[positions], balance)[labels[positions]]
    return weights


def _weighed(targets: Floats, weights: Floats, factors: Floats) -> tuple[Floats, Floats]:
    """Targets (rows, width) and weights (rows,) of which each class counts by its factor, soft targets too."""
    products = targets * factors
    sums = products.sum(1)
    return products / sums[:, None], weights * sums
