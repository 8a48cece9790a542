"""A recipe's network beside the baselines, on one test part."""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score

from serving.bundle import Bundle, sha256
from serving.predictor import Predictor
from training.baselines import Baseline, baselines, size
from training.blindness import check_blind
from training.dataset import Dataset, load_dataset
from training.display import Display
from training.errors import DataError
from training.metrics import Labels, macro_f1, macro_recall
from training.preflight import check_vectors
from training.recipe import Recipe
from training.sources import in_order
from training.vader import VADER


@dataclass(frozen=True, slots=True)
class Row:
    """One model's figures on the test part; `training_seconds` is None where it was trained before.

    `groups`: macro recall on each group of the held-out rows, over the classes that the group has.
    """

    name: str
    macro_recall: float
    macro_f1: float
    accuracy: float
    training_seconds: float | None
    bytes: int
    predictions_per_second: float
    groups: Mapping[str, float] = field(default_factory=dict)


def compare(
    recipe: Recipe,
    paths: Sequence[Path],
    display: Display,
    bundle: Path | None = None,
    stage_cache: Path | None = None,
) -> list[Row]:
    """Train every baseline and, unless a `bundle` of this recipe is given, the network; measure all on the test part.

    `stage_cache`: a folder of pre-trained bodies. Times are wall times of this process on this machine, a body from the
    cache none of them: compare them with each other only. Raises TrainingError, or BundleError, before any training.
    """
    dataset = load_dataset(paths, recipe.data, recipe.split_seed)
    check_vectors(recipe)
    if bundle:
        _check_bundle(bundle, recipe, paths, dataset)
        display.dataset(dataset)  # else the network's own training shows it
    rows = baseline_rows(recipe, dataset, display)
    network = network_row(bundle, dataset) if bundle else _trained_row(recipe, paths, display, dataset, stage_cache)
    return [*rows, network]


def _check_bundle(bundle: Path, recipe: Recipe, paths: Sequence[Path], dataset: Dataset) -> None:
    metadata, labels = Bundle.read(bundle).metadata, dataset.labels
    if set(metadata.labels) != set(labels):
        raise DataError(f"--bundle: {bundle} has labels {metadata.labels}; accepted: {labels}, those of the data")
    files = [(path.name, sha256(path)) for path in in_order(paths, recipe.data)]
    check_blind(metadata, recipe, files, dataset.sizes(), "--bundle")


def baseline_rows(recipe: Recipe, dataset: Dataset, display: Display) -> list[Row]:
    """Train every baseline on the training part, and measure it; one that cannot learn from it is noted."""
    candidates = baselines(recipe.tokenizer, dataset.labels, recipe.seed)
    if VADER not in candidates:
        display.note(f"{VADER} is left out: it knows negative, neutral and positive, not {dataset.labels}")
    rows = []
    for name, baseline in candidates.items():
        try:
            rows.append(_baseline_row(name, baseline, dataset))
        except ValueError as error:  # as where no word is there twice
            display.note(f"{name} is left out: it cannot learn from these rows: {error}")
    return rows


def _baseline_row(name: str, baseline: Baseline, dataset: Dataset) -> Row:
    start = time.perf_counter()
    baseline.fit(dataset.train.text.tolist(), dataset.train.label.to_numpy())
    seconds = time.perf_counter() - start
    return _row(name, baseline.predict, dataset, seconds, size(baseline))


def _trained_row(
    recipe: Recipe, paths: Sequence[Path], display: Display, dataset: Dataset, stage_cache: Path | None
) -> Row:
    from training.pipeline import Pipeline

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        Pipeline(recipe, paths, Path(folder) / "bundle", display, stage_cache, baselines=False).run()
        return network_row(Path(folder) / "bundle", dataset, time.perf_counter() - start)


def network_row(bundle: Path, dataset: Dataset, seconds: float | None = None) -> Row:
    """A bundle's figures, as served; `seconds` is what its training took."""
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
        macro_recall=macro_recall(truth, found),
        macro_f1=macro_f1(truth, found),
        accuracy=float(accuracy_score(truth, found)),
        training_seconds=seconds,
        bytes=stored,
        predictions_per_second=rate,
        groups=_by_group(dataset.held_out, predict),
    )


def _by_group(held_out: pd.DataFrame, predict: Callable[[Sequence[str]], Labels]) -> dict[str, float]:
    groups = held_out.groupby("group")
    return {str(name): macro_recall(rows.label.to_numpy(), predict(rows.text.tolist())) for name, rows in groups}


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


def group_table(rows: Sequence[Row]) -> str:
    """Markdown: a row for each held-out group, with each model's macro recall on it."""
    ranked = [row for row in rows if row.groups]
    lines = [
        "| held-out group | " + " | ".join(row.name for row in ranked) + " |",
        "|---|" + "---:|" * len(ranked),
    ]
    for group in ranked[0].groups if ranked else ():
        lines.append(f"| {group} | " + " | ".join(f"{row.groups[group]:.3f}" for row in ranked) + " |")
    return "\n".join(lines) if ranked else ""
