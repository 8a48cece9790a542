"""What tests of the `fit` command show of a whole run is not repeated here."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.helpers import STAGED
from training.evaluation.calibration import best_temperature
from training.evaluation.metrics import rescaled
from training.export.bundle import keras_import, write_bundle
from training.fit.loop import predict
from training.fit.trainer import Trained
from training.inputs.text import SENTENCES
from training.model.backend import keras
from training.model.network import build_network
from training.recipe.model import NetworkConfig
from training.recipe.recipe import Recipe


@pytest.fixture
def trained(staged_run: Trained) -> Trained:
    """The run with a network of its own, since a bundle's calibration changes the last layer."""
    network = keras.models.clone_model(staged_run.network)
    network.set_weights(staged_run.network.get_weights())
    return replace(staged_run, network=network)


def test_a_bundle_is_written_and_held_to_keras(trained: Trained, tmp_path: Path) -> None:
    predictor, difference = write_bundle(trained, tmp_path)
    assert difference <= 1e-5
    answers = predictor.metadata.known_answers
    assert [answer.row for answer in answers] == list(SENTENCES)
    served = [list(p.probabilities.values()) for p in predictor.predict(list(SENTENCES))]
    assert np.array([answer.probabilities for answer in answers]) == pytest.approx(np.array(served), abs=1e-5)


def test_the_validation_part_calibrates_it(trained: Trained, tmp_path: Path) -> None:
    truth, before = trained.dataset.validation.label.to_numpy(), predict(trained.network, trained.validation)
    recipe = Recipe.model_validate({**STAGED, "seed": 3, "data": {**STAGED["data"], "split_seed": 1}})
    predictor, _ = write_bundle(replace(trained, recipe=recipe), tmp_path)
    metadata = predictor.metadata
    assert metadata.seed == 3
    assert metadata.temperature == best_temperature(truth, before) != 1
    served = [list(p.probabilities.values()) for p in predictor.predict(trained.dataset.validation.row.tolist())]
    assert np.array(served) == pytest.approx(rescaled(before, metadata.temperature), abs=1e-5)


def test_the_module_is_named_that_keras_must_import_to_load_the_network(trained: Trained, tmp_path: Path) -> None:
    predictor, _ = write_bundle(trained, tmp_path)
    module = predictor.metadata.keras_import
    assert module == "training.model.network"
    (layer,) = [layer for layer in trained.network.layers if not type(layer).__module__.startswith("keras.")]
    assert keras.saving.get_registered_object(keras.saving.get_registered_name(type(layer))).__module__ == module


def test_a_network_of_layers_of_keras_needs_no_import() -> None:
    assert keras_import(build_network(NetworkConfig(), vocabulary=10, classes=2)) is None
