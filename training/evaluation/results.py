"""Results of models beside each other, on one test part."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score

from serving.model.metadata import Metadata
from serving.model.predictor import Predictor
from training.data.dataset import Dataset, of_stage
from training.evaluation.baselines import TFIDF, TFIDF_VADER, Baseline, baselines, reads_sentiment, size
from training.evaluation.behaviour import count_failures
from training.evaluation.field_baselines import field_baselines
from training.evaluation.light_baselines import MAJORITY, VADER
from training.evaluation.metrics import macro_f1, macro_recall
from training.progress import TrainingCallback
from training.recipe.model import NetworkConfig
from training.recipe.recipe import Recipe
from training.types import Labels

ASKED_FOR_BEHAVIOUR = (TFIDF_VADER, TFIDF, VADER, MAJORITY)


@dataclass(frozen=True, slots=True)
class Row:
    """One model's results on the test part.

    Args:
        name: The model.
        macro_recall: Mean recall of the classes.
        macro_f1: Mean F1 of the classes.
        accuracy: The share of rows that is right.
        training_seconds: Wall time; None where it was trained before.
        bytes: How large it is on disk.
        predictions_per_second: On this machine.
        groups: Macro recall on each group of the held-out rows, over the classes that the group has.
        behaviour: Capability -> failure rate on the measuring half of the behaviour suite; empty where not asked.
    """

    name: str
    macro_recall: float
    macro_f1: float
    accuracy: float
    training_seconds: float | None
    bytes: int
    predictions_per_second: float
    groups: Mapping[str, float] = field(default_factory=dict)
    behaviour: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cost:
    """One model's quality and what an answer of it costs, measured in a process that answers with it alone.

    Args:
        name: The model.
        macro_recall: On the test part.
        predictions_per_second: On one core, asked for all rows at once.
        alone: Seconds for one row that is asked for alone; the median.
        memory: The most bytes that its process held, Python and libraries included; None where it was not measured.
        bytes: What has to be stored for it, libraries apart.
        network: Whether it is the network, not one of those beside it.
    """

    name: str
    macro_recall: float
    predictions_per_second: float
    alone: float
    memory: int | None
    bytes: int
    network: bool = False


def baseline_rows(recipe: Recipe, dataset: Dataset, callback: TrainingCallback) -> list[Row]:
    """Train every baseline on the rows of the last stage, and measure it; one that cannot learn from them is noted."""
    dataset = of_last_stage(recipe, dataset)
    untrained = candidates(recipe, dataset)
    if TFIDF in untrained and VADER not in untrained:
        callback.on_note(f"{VADER} is left out: it knows negative, neutral and positive, not {dataset.labels}")
    rows = []
    for name, baseline in untrained.items():
        try:
            rows.append(_baseline_row(name, baseline, dataset))
        except ValueError as error:  # as where no word is there twice
            callback.on_note(f"{name} is left out: it cannot learn from these rows: {error}")
    return rows


def of_last_stage(recipe: Recipe, dataset: Dataset) -> Dataset:
    """The dataset with the labelled rows of the last stage alone to train on: what a model of one stage learns from.

    Other sets, which a network reads first, are of other domains and rules. Where that stage lacks a class, all rows.
    """
    rows = of_stage(dataset.train, recipe.schedule[-1])
    return replace(dataset, train=rows) if set(rows.label) == set(dataset.train.label) else dataset


def candidates(recipe: Recipe, dataset: Dataset) -> dict[str, Baseline]:
    """Untrained baselines by name, of a recipe's kind of rows."""
    if recipe.inputs == "text":
        return baselines(recipe.tokenizer, dataset.labels, recipe.seed)
    inputs = baseline_inputs(recipe, dataset)
    return field_baselines(inputs["content"], recipe.seed, balanced=inputs["balanced"])


def baseline_inputs(recipe: Recipe, dataset: Dataset) -> dict[str, Any]:
    """How a baseline reads rows, as JSON: `tokenizer`, or `content` of the fields and `balanced`."""
    if recipe.inputs == "text":
        return {"tokenizer": recipe.tokenizer.model_dump(mode="json")}
    from training.inputs.fields import learn_fields  # which imports Keras, and evaluating needs none

    content = learn_fields(recipe.fields, NetworkConfig(), dataset.train)
    return {"content": content, "balanced": recipe.fit.class_balance > 0}


def _baseline_row(name: str, baseline: Baseline, dataset: Dataset) -> Row:
    start = time.perf_counter()
    baseline.fit(dataset.train.row.tolist(), dataset.train.label.to_numpy())
    seconds = time.perf_counter() - start
    row = _row(name, baseline.predict, dataset, seconds, size(baseline))
    return replace(row, behaviour=_behaviour(name, baseline, dataset.labels))


def _behaviour(name: str, baseline: Any, labels: list[str]) -> dict[str, float]:
    if name not in ASKED_FOR_BEHAVIOUR or not reads_sentiment(labels):
        return {}
    counts = count_failures(baseline.predict_proba, labels, "measuring")
    return {capability: count.rate for capability, count in counts.items()}


def network_row(bundle: Path, dataset: Dataset, seconds: float | None = None) -> Row:
    """A bundle's figures, as served; `seconds` is what its training took."""
    predictor = Predictor.load(bundle)
    index = {label: i for i, label in enumerate(dataset.labels)}

    def predict(rows: Sequence[Any]) -> Labels:
        return np.array([index[prediction.label] for prediction in predictor.predict(rows)], dtype=np.int64)

    return _row(network_name(predictor.metadata), predict, dataset, seconds, disk_size(bundle))


def network_name(metadata: Metadata) -> str:
    """What a bundle's row is called."""
    return f"{metadata.name} (network, served)"


def disk_size(bundle: Path) -> int:
    """The bytes of what the service reads of a bundle: all but its report."""
    return sum(path.stat().st_size for path in bundle.iterdir() if path.is_file())


def _row(
    name: str, predict: Callable[[Sequence[Any]], Labels], dataset: Dataset, seconds: float | None, stored: int
) -> Row:
    truth, rows = dataset.test.label.to_numpy(), dataset.test.row.tolist()
    start = time.perf_counter()
    predicted = predict(rows)
    rate = len(rows) / (time.perf_counter() - start)
    return Row(
        name=name,
        macro_recall=macro_recall(truth, predicted),
        macro_f1=macro_f1(truth, predicted),
        accuracy=float(accuracy_score(truth, predicted)),
        training_seconds=seconds,
        bytes=stored,
        predictions_per_second=rate,
        groups=_by_group(dataset.held_out, predict),
    )


def _by_group(held_out: pd.DataFrame, predict: Callable[[Sequence[Any]], Labels]) -> dict[str, float]:
    groups = held_out.groupby("group")
    return {str(name): macro_recall(rows.label.to_numpy(), predict(rows.row.tolist())) for name, rows in groups}
