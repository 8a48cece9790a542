"""Figures of a bundle, measured on the served path and written into its metadata."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from serving.model.bundle import METADATA
from serving.model.metadata import Metadata
from serving.model.predictor import Predictor
from training.data.dataset import Dataset
from training.evaluation.baselines import reads_sentiment
from training.evaluation.evaluate import (
    evaluate,
    evaluate_behaviour,
    evaluate_groups,
    evaluate_slices,
    served_probabilities,
)
from training.evaluation.leakage import bundle_recipe
from training.evaluation.metrics import Figures, measure
from training.evaluation.selective import precision_thresholds, risk_coverage
from training.inputs.fields import revealing_fields


def write_metadata(folder: Path, metadata: Metadata) -> Predictor:
    """Write `metadata.json` and load the bundle as the service will. Raises BundleError where it cannot."""
    (folder / METADATA).write_text(metadata.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return Predictor.load(folder)


def add_figures(folder: Path, predictor: Predictor, dataset: Dataset) -> tuple[Predictor, Figures]:
    """Measure a bundle and write the figures, thresholds and risk-coverage curve into its metadata.

    Args:
        folder: The bundle.
        predictor: The same, loaded.
        dataset: The rows that it was trained on, split as they were.

    Returns:
        The bundle loaded once more, and the figures of the test part.
    """
    metadata, validation = predictor.metadata, dataset.validation.label.to_numpy()
    answers = served_probabilities(predictor, dataset.validation.row.tolist())
    test = evaluate(predictor, dataset.test.row.tolist(), dataset.test.label.to_numpy())
    metrics: dict[str, Any] = {
        "validation": measure(metadata.labels, validation, answers, metadata.temperature).as_json(),
        "test": test.as_json(),
    }
    if predictor.fields is None and reads_sentiment(metadata.labels):
        behaviour = evaluate_behaviour(predictor).items()
        metrics["behaviour"] = {
            half: {name: asdict(of_one) for name, of_one in counts.items()} for half, counts in behaviour
        }
    if len(dataset.held_out):
        metrics["held_out"] = evaluate_groups(predictor, dataset.held_out)
    if slices := metadata.recipe.get("slices"):
        metrics["slices"] = evaluate_slices(predictor, dataset.test, slices)
    if predictor.fields and (notes := revealing_fields(bundle_recipe(metadata, folder), dataset)):
        metrics["revealing"] = notes
    measured: dict[str, Any] = {"metrics": metrics}
    if "start" not in metadata.recipe:  # else the rows were chosen, and tell nothing of how often answers are right
        measured |= {
            "thresholds": precision_thresholds(metadata.labels, validation, answers),
            "risk_coverage": risk_coverage(validation, answers),
        }
    return write_metadata(folder, metadata.model_copy(update=measured)), test
