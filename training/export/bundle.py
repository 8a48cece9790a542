"""Export of a trained network as a bundle: calibrated, written, loaded as it will be served, held to Keras."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from serving.model.bundle import NETWORK, TOKENIZER, model_version, sha256
from serving.model.metadata import KnownAnswer, Metadata
from serving.model.predictor import Predictor
from serving.model.tokenizer import Encoder
from training.errors import PublishError
from training.evaluation.calibration import best_temperature, fold_temperature
from training.evaluation.evaluate import served_probabilities
from training.export.figures import write_metadata
from training.fit.loop import predict
from training.fit.trainer import Trained
from training.model import backend
from training.model.backend import keras
from training.recipe.recipe import Recipe

KERAS_TOLERANCE = 1e-5  # float32 sums in another order; the largest difference measured is a third of it
SENTENCES = (
    "I love this, thank you so much!",
    "This is terrible and I hate it.",
    "The next train leaves at nine.",
    "WORST SHOW EVER",
    "not bad at all :)",
)


def write_bundle(recipe: Recipe, trained: Trained, folder: Path) -> tuple[Predictor, float]:
    """Write a bundle without figures into an empty folder, and load it as the service will.

    Args:
        recipe: The recipe.
        trained: The trained network, whose last layer is calibrated here.
        folder: The folder.

    Returns:
        The predictor, and the largest difference of its probabilities from Keras's on the validation part.

    Raises:
        PublishError: That difference is above 1e-5.
    """
    network, dataset = trained.network, trained.dataset
    truth, texts = dataset.validation.label.to_numpy(), dataset.validation.text.tolist()
    temperature = best_temperature(truth, predict(network, trained.validation))
    fold_temperature(network, temperature)
    network.save(folder / NETWORK, include_optimizer=False)
    trained.tokenizer.save(str(folder / TOKENIZER))
    files = {name: sha256(folder / name) for name in (NETWORK, TOKENIZER)}
    metadata = Metadata(
        name=recipe.name,
        model_version=model_version(files, dataset.labels),
        inputs="text",
        keras_import=keras_import(network),
        origin="trained",
        labels=dataset.labels,
        files=files,
        known_answers=_known_answers(network, Encoder.read(folder / TOKENIZER), recipe.known_answers or SENTENCES),
        temperature=temperature,
        seed=recipe.seed,
        recipe=recipe.model_dump(mode="json"),
        split=dataset.sizes(),
        libraries=backend.library_versions(),
        metrics={},
        **vars(trained.provenance),
    )
    predictor = write_metadata(folder, metadata)
    difference = float(np.abs(served_probabilities(predictor, texts) - predict(network, trained.validation)).max())
    if not difference <= KERAS_TOLERANCE:
        raise PublishError(f"serving and Keras differ by {difference:.2g} on validation; accepted: {KERAS_TOLERANCE}")
    return predictor, difference


def keras_import(network: keras.Model) -> str | None:
    """The module of ours that registers the network's layers with Keras; None where Keras knows all of them."""
    modules = {type(layer).__module__ for layer in network.layers}
    return next((module for module in sorted(modules) if not module.startswith("keras.")), None)


def _known_answers(network: keras.Model, encoder: Encoder, sentences: Sequence[str]) -> list[KnownAnswer]:
    """Keras's own answers, so that serving is held to Keras at every start."""
    answers = []
    for text in sentences:
        ids, _ = encoder.pad_batch(encoder.encode([text]))
        answers.append(KnownAnswer(text=text, probabilities=network.predict_on_batch(ids)[0].tolist()))
    return answers
