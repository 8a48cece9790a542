"""One battery for every network: shapes, save and load, no backend-specific operation."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.network import build_network
from training.network_knobs import NetworkKnobs
from training.runtime import keras

VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "tutorial": {"lstm": [19, 12], "masked": False},
    "wide": {"lstm": [6, 5, 4], "bidirectional": True, "lstm_dropout": 0.1, "pooling": ["max", "attention"]},
    "average": {"lstm": [6], "pooling": ["average"]},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_it_builds_answers_saves_and_loads(tmp_path: Path, name: str) -> None:
    knobs = NetworkKnobs.model_validate({"embedding": 8, **VARIANTS[name]})
    network = build_network(knobs, vocabulary=20, classes=4, length=None if knobs.masked else 7)
    ids = np.random.default_rng(0).integers(1, 20, (5, 7))
    found = network.predict_on_batch(ids)
    assert found.shape == (5, 4)
    assert found.sum(1) == pytest.approx(np.ones(5), abs=1e-5)
    network.save(tmp_path / "n.h5", include_optimizer=False)
    again = keras.models.load_model(tmp_path / "n.h5", compile=False)
    assert again.predict_on_batch(ids) == pytest.approx(found, abs=1e-6)


def test_padding_does_not_change_a_masked_answer() -> None:
    knobs = NetworkKnobs(embedding=8, lstm=[6, 5], bidirectional=True, pooling=["max", "average", "attention"])
    network = build_network(knobs, vocabulary=20, classes=3)
    ids = np.array([[3, 4, 5, 6]])
    padded = np.pad(ids, ((0, 0), (0, 9)))
    assert network.predict_on_batch(padded) == pytest.approx(network.predict_on_batch(ids), abs=1e-6)


def test_dropout_is_between_embedding_and_end() -> None:
    knobs = NetworkKnobs(lstm=[4, 4], spatial_dropout=0.4, lstm_dropout=0.3, dropout=0.2)
    rates = [layer.rate for layer in build_network(knobs, vocabulary=9, classes=2).layers if hasattr(layer, "rate")]
    assert rates == [0.4, 0.3, 0.2]


def test_lstms_are_what_cudnn_runs() -> None:
    knobs = NetworkKnobs(lstm=[4, 3])
    for layer in build_network(knobs, vocabulary=9, classes=2).layers:
        if isinstance(layer, keras.layers.LSTM):
            assert (layer.activation.__name__, layer.recurrent_activation.__name__) == ("tanh", "sigmoid")
            assert (layer.recurrent_dropout, layer.unroll, layer.use_bias) == (0, False, True)


def test_the_network_names_no_backend() -> None:
    root = Path(__file__).parents[2] / "training"
    for name in ("network.py", "layers.py", "fit.py", "batches.py", "calibration.py"):
        assert "tensorflow" not in (root / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("masked", [True, False])
def test_padding_is_masked_where_the_recipe_says_so(masked: bool) -> None:
    network = build_network(NetworkKnobs(embedding=8, lstm=[6], masked=masked), vocabulary=20, classes=3, length=6)
    answers = network.predict_on_batch(np.array([[3, 4, 0, 0, 0, 0], [3, 4, 0, 0, 0, 5]]))
    without = build_network(NetworkKnobs(embedding=8, lstm=[6]), vocabulary=20, classes=3)
    without.set_weights(network.get_weights())
    unpadded = without.predict_on_batch(np.array([[3, 4]]))
    assert np.allclose(answers[0], unpadded[0], atol=1e-6) == masked
