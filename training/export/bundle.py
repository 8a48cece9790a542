"""A trained network becomes a bundle: calibrated, written, loaded as it will be served, held to Keras, measured."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from serving.model.bundle import METADATA, NETWORK, TOKENIZER, model_version, sha256
from serving.model.metadata import KnownAnswer, Metadata
from serving.model.predictor import Predictor
from serving.model.tokenizer import Encoder
from training.errors import PublishError
from training.evaluation.calibration import best_temperature, fold_temperature
from training.fit.loop import predict
from training.fit.trainer import Trained
from training.model import backend
from training.model.backend import keras
from training.recipe.recipe import Recipe
from training.types import Probabilities

KERAS_TOLERANCE = 1e-5
SENTENCES = (
    "I love this, thank you so much!",
    "This is terrible and I hate it.",
    "The next train leaves at nine.",
    "WORST SHOW EVER",
    "not bad at all :)",
)


class Bundling:
    """Writes one bundle into an empty folder.

    Arguments: the recipe; the trained network, whose last layer is calibrated here; the folder.
    """

    def __init__(self, recipe: Recipe, trained: Trained, folder: Path) -> None:
        self.recipe, self.trained, self.folder = recipe, trained, folder

    def write(self) -> tuple[Predictor, int, float]:
        """Write the files without figures and load them as the service will.

        Returns the predictor, on how many validation texts it was held to Keras, and the largest difference found.
        Raises PublishError where that is above 1e-5.
        """
        network, validation = self.trained.network, self.trained.validation
        truth = self.trained.dataset.validation.label.to_numpy()
        temperature = best_temperature(truth, predict(network, validation))
        fold_temperature(network, temperature)
        network.save(self.folder / NETWORK, include_optimizer=False)
        self.trained.tokenizer.save(str(self.folder / TOKENIZER))
        self._metadata = self._described(network, temperature)
        predictor = self._load()
        difference = self._difference(predictor, predict(network, validation))
        return predictor, len(truth), difference

    def add_figures(self, metrics: Mapping[str, Any]) -> Metadata:
        """Write the figures into metadata.json and load the bundle once more."""
        self._metadata = self._metadata.model_copy(update={"metrics": dict(metrics)})
        return self._load().metadata

    def _load(self) -> Predictor:
        content = self._metadata.model_dump_json(indent=2) + "\n"
        (self.folder / METADATA).write_text(content, encoding="utf-8")
        return Predictor.load(self.folder)

    def _described(self, network: keras.Model, temperature: float) -> Metadata:
        files = {name: sha256(self.folder / name) for name in (NETWORK, TOKENIZER)}
        dataset = self.trained.dataset
        return Metadata(
            name=self.recipe.name,
            model_version=model_version(files, dataset.labels),
            labels=dataset.labels,
            files=files,
            known_answers=self._known_answers(network),
            temperature=temperature,
            seed=self.recipe.seed,
            recipe=self.recipe.model_dump(mode="json"),
            split=dataset.sizes(),
            libraries=backend.library_versions(),
            metrics={},
            **vars(self.trained.provenance),
        )

    def _known_answers(self, network: keras.Model) -> list[KnownAnswer]:
        """Keras's own answers, so that serving is held to Keras at every start."""
        encoder, answers = Encoder.read(self.folder / TOKENIZER), []
        for text in self.recipe.known_answers or SENTENCES:
            ids, _ = encoder.pad_batch(encoder.encode([text]))
            row = network.predict_on_batch(ids)[0]
            answers.append(KnownAnswer(text=text, probabilities=[float(p) for p in row]))
        return answers

    def _difference(self, predictor: Predictor, by_keras: Probabilities) -> float:
        predictions = predictor.predict(self.trained.dataset.validation.text.tolist())
        served = np.array([list(p.probabilities.values()) for p in predictions])
        difference = float(np.abs(served - by_keras).max())
        if not difference <= KERAS_TOLERANCE:
            raise PublishError(
                f"serving and Keras differ by {difference:.2g} on validation; accepted: {KERAS_TOLERANCE}"
            )
        return difference
