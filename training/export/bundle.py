"""Export of a trained network as a bundle: calibrated, written, loaded as it will be served, held to Keras."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from serving.model.bundle import NETWORK, model_version, sha256
from serving.model.metadata import KnownAnswer, KnownRow, Metadata
from serving.model.predictor import Predictor
from training.errors import PublishError
from training.evaluation.calibration import best_temperature, fold_temperature
from training.evaluation.evaluate import served_probabilities
from training.export.figures import write_metadata
from training.fit.loop import predict
from training.fit.trainer import Trained
from training.inputs.base import InputEncoding
from training.model import backend
from training.model.backend import keras

KERAS_TOLERANCE = 1e-5  # float32 sums in another order; the largest difference measured is a third of it


def write_bundle(trained: Trained, folder: Path) -> tuple[Predictor, float]:
    """Write a bundle without figures into an empty folder, and load it as the service will.

    Args:
        trained: The trained network, whose last layer is calibrated here.
        folder: The folder.

    Returns:
        The predictor, and the largest difference of its probabilities from Keras's on the validation part.

    Raises:
        PublishError: That difference is above 1e-5.
    """
    recipe, network, encoding, dataset = trained.recipe, trained.network, trained.encoding, trained.dataset
    rows = dataset.validation.row.tolist()
    temperature = _calibrate(trained)
    network.save(folder / NETWORK, include_optimizer=False)
    (folder / encoding.file_name).write_text(encoding.content, encoding="utf-8")
    files = {name: sha256(folder / name) for name in (NETWORK, encoding.file_name)}
    metadata = Metadata(
        name=recipe.name,
        model_version=model_version(files, dataset.labels),
        inputs=recipe.inputs,
        keras_import=keras_import(network),
        origin="trained",
        labels=dataset.labels,
        files=files,
        known_answers=_known_answers(network, encoding, recipe.known_answers),
        temperature=temperature,
        seed=recipe.seed,
        recipe=recipe.model_dump(mode="json"),
        split=dataset.sizes(),
        libraries=backend.library_versions(),
        metrics={},
        **vars(trained.provenance),
    )
    predictor = write_metadata(folder, metadata)
    difference = float(np.abs(served_probabilities(predictor, rows) - predict(network, trained.validation)).max())
    if not difference <= KERAS_TOLERANCE:
        raise PublishError(f"serving and Keras differ by {difference:.2g} on validation; accepted: {KERAS_TOLERANCE}")
    return predictor, difference


def _calibrate(trained: Trained) -> float:
    """Calibrate the network; returns the temperature that is folded into its last layer.

    One that goes on from a bundle keeps that one's: what it learns from are rows that were chosen, for the most part
    because the bundle was wrong, and by these it would be unsure of everything.
    """
    if trained.start:
        return trained.start.temperature
    truth = trained.dataset.validation.label.to_numpy()
    temperature = best_temperature(truth, predict(trained.network, trained.validation))
    fold_temperature(trained.network, temperature)
    return temperature


def keras_import(network: keras.Model) -> str | None:
    """The module of ours that registers the network's layers with Keras; None where Keras knows all of them."""
    modules = {type(layer).__module__ for layer in network.layers}
    return next((module for module in sorted(modules) if not module.startswith("keras.")), None)


def _known_answers(
    network: keras.Model, encoding: InputEncoding, sentences: Sequence[str]
) -> list[KnownAnswer | KnownRow]:
    """Keras's own answers, so that serving is held to Keras at every start."""
    answers: list[KnownAnswer | KnownRow] = []
    for row in encoding.known_rows(sentences):
        probabilities = network.predict_on_batch(encoding.batch(encoding.encode([row])))[0].tolist()
        if isinstance(row, str):
            answers.append(KnownAnswer(text=row, probabilities=probabilities))
        else:
            answers.append(KnownRow(fields=dict(row), probabilities=probabilities))
    return answers
