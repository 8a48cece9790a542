"""A recipe's network beside the baselines, on one test part."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, recall_score

from serving.predictor import Predictor
from training.baselines import VADER, Baseline, baselines, size
from training.dataset import Dataset, load_dataset
from training.display import Display
from training.metrics import Labels
from training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Row:
    """One model's figures on the test part; `training_seconds` is None where it was trained before."""

    name: str
    macro_recall: float
    macro_f1: float
    accuracy: float
    training_seconds: float | None
    bytes: int
    predictions_per_second: float


def compare(recipe: Recipe, paths: Sequence[Path], display: Display, bundle: Path | None = None) -> list[Row]:
    """Train every baseline and, unless a `bundle` of this recipe is given, the network; measure all on the test part.

    Times are wall times of this process on this machine: compare them with each other only. Raises TrainingError.
    """
    dataset = load_dataset(paths, recipe.data, recipe.seed)
    candidates = baselines(recipe.tokenizer, dataset.labels, recipe.seed)
    if bundle:  # else the network's own training shows it
        display.dataset(dataset)
    if VADER not in candidates:
        display.note(f"{VADER} is left out: it knows negative, neutral and positive, not {dataset.labels}")
    rows = [_baseline_row(name, baseline, dataset) for name, baseline in candidates.items()]
    network = _given_row(bundle, dataset) if bundle else _trained_row(recipe, paths, display, dataset)
    return [*rows, network]


def _baseline_row(name: str, baseline: Baseline, dataset: Dataset) -> Row:
    start = time.perf_counter()
    baseline.fit(dataset.train.text.tolist(), dataset.train.label.to_numpy())
    seconds = time.perf_counter() - start
    return _row(name, baseline.predict, dataset, seconds, size(baseline))


def _trained_row(recipe: Recipe, paths: Sequence[Path], display: Display, dataset: Dataset) -> Row:
    from training.pipeline import Pipeline

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        Pipeline(recipe, paths, Path(folder) / "bundle", display).run()
        return _given_row(Path(folder) / "bundle", dataset, time.perf_counter() - start)


def _given_row(bundle: Path, dataset: Dataset, seconds: float | None = None) -> Row:
    predictor = Predictor.load(bundle)
    index = {label: i for i, label in enumerate(dataset.labels)}

    def predict(texts: Sequence[str]) -> Labels:
        return np.array([index[prediction.label] for prediction in predictor.predict(texts)], dtype=np.int64)

    stored = sum(path.stat().st_size for path in bundle.iterdir() if path.is_file())
    return _row(f"{predictor.metadata.name} (network, served)", predict, dataset, seconds, stored)


def _row(
    name: str, predict: Callable[[Sequence[str]], Labels], dataset: Dataset, seconds: float | None, stored: int
) -> Row:
    truth, texts = dataset.test.label.to_numpy(), dataset.test.text.tolist()
    start = time.perf_counter()
    found = predict(texts)
    rate = len(texts) / (time.perf_counter() - start)
    return Row(
        name=name,
        macro_recall=float(recall_score(truth, found, average="macro", zero_division=0)),
        macro_f1=float(f1_score(truth, found, average="macro", zero_division=0)),
        accuracy=float(accuracy_score(truth, found)),
        training_seconds=seconds,
        bytes=stored,
        predictions_per_second=rate,
    )


def comparison_table(rows: Sequence[Row]) -> str:
    """Markdown, best macro recall first."""
    lines = [
        "| model | macro recall | macro F1 | accuracy | training | size | predictions/s |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in sorted(rows, key=lambda row: -row.macro_recall):
        trained = "before" if row.training_seconds is None else f"{row.training_seconds:.1f} s"
        lines.append(
            f"| {row.name} | {row.macro_recall:.3f} | {row.macro_f1:.3f} | {row.accuracy:.3f} | {trained} "
            f"| {row.bytes / 1e6:.1f} MB | {row.predictions_per_second:,.0f} |"
        )
    return "\n".join(lines)
