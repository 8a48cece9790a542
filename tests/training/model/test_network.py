"""One battery for every network: shapes, save and load, no backend-specific operation."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.model.backend import keras
from training.model.network import Pooling1D, build_network
from training.recipe.model import NetworkConfig

STEPS = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)
LENGTHS = [6, 3, 1, 5]
MASK = np.array([[i < n for i in range(6)] for n in LENGTHS])


@pytest.mark.parametrize(("kind", "pool"), [("max", np.max), ("average", np.mean)])
def test_only_unmasked_steps_count(kind: str, pool: object) -> None:
    found = keras.ops.convert_to_numpy(Pooling1D([kind])(STEPS, mask=MASK))
    for row, steps, length in zip(found, STEPS, LENGTHS, strict=True):
        assert row == pytest.approx(pool(steps[:length], axis=0), abs=1e-6)  # type: ignore[operator]


def test_attention_is_a_weighted_mean_of_unmasked_steps() -> None:
    layer = Pooling1D(["attention"])
    layer.build(STEPS.shape)
    kernel, bias = np.array([[1.0], [-2.0], [0.5]], np.float32), np.array([0.3], np.float32)
    layer.set_weights([kernel, bias])
    found = keras.ops.convert_to_numpy(layer(STEPS, mask=MASK))
    for row, steps, length in zip(found, STEPS, LENGTHS, strict=True):
        scores = np.exp(np.tanh(steps[:length] @ kernel + bias))
        assert row == pytest.approx((steps[:length] * scores / scores.sum()).sum(0), abs=1e-6)


def test_several_kinds_stand_side_by_side() -> None:
    both = keras.ops.convert_to_numpy(Pooling1D(["max", "average"])(STEPS))
    assert both.shape == (4, 6)
    assert both[:, :3] == pytest.approx(STEPS.max(1))
    assert both[:, 3:] == pytest.approx(STEPS.mean(1), abs=1e-6)
    assert Pooling1D(["max", "average"]).compute_output_shape((None, None, 5)) == (None, 10)


def test_keras_loads_a_saved_network_again(tmp_path: Path) -> None:
    ids = np.array([[3, 4, 5, 0, 0], [6, 0, 0, 0, 0]])
    network = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(9, 4, mask_zero=True),
            keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True)),
            Pooling1D(["max", "attention"]),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    network.save(tmp_path / "n.h5", include_optimizer=False)
    again = keras.models.load_model(tmp_path / "n.h5", compile=False)
    assert again.predict_on_batch(ids) == pytest.approx(network.predict_on_batch(ids), abs=1e-7)


@pytest.mark.parametrize("kinds", [[], ["last"], ["max", "median"]])
def test_unknown_kinds_are_refused(kinds: list[str]) -> None:
    with pytest.raises(ValueError, match="accepted: one or more of max, average, attention"):
        Pooling1D(kinds)


VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "tutorial": {"lstm": [19, 12], "masked": False},
    "wide": {"lstm": [6, 5, 4], "bidirectional": True, "lstm_dropout": 0.1, "pooling": ["max", "attention"]},
    "average": {"lstm": [6], "pooling": ["average"]},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_it_builds_answers_saves_and_loads(tmp_path: Path, name: str) -> None:
    config = NetworkConfig.model_validate({"embedding": 8, **VARIANTS[name]})
    network = build_network(config, vocabulary=20, classes=4, length=None if config.masked else 7)
    ids = np.random.default_rng(0).integers(1, 20, (5, 7))
    found = network.predict_on_batch(ids)
    assert found.shape == (5, 4)
    assert found.sum(1) == pytest.approx(np.ones(5), abs=1e-5)
    network.save(tmp_path / "n.h5", include_optimizer=False)
    again = keras.models.load_model(tmp_path / "n.h5", compile=False)
    assert again.predict_on_batch(ids) == pytest.approx(found, abs=1e-6)


def test_padding_does_not_change_a_masked_answer() -> None:
    config = NetworkConfig(embedding=8, lstm=[6, 5], bidirectional=True, pooling=["max", "average", "attention"])
    network = build_network(config, vocabulary=20, classes=3)
    ids = np.array([[3, 4, 5, 6]])
    padded = np.pad(ids, ((0, 0), (0, 9)))
    assert network.predict_on_batch(padded) == pytest.approx(network.predict_on_batch(ids), abs=1e-6)


def test_dropout_is_between_embedding_and_end() -> None:
    config = NetworkConfig(lstm=[4, 4], spatial_dropout=0.4, lstm_dropout=0.3, dropout=0.2)
    rates = [layer.rate for layer in build_network(config, vocabulary=9, classes=2).layers if hasattr(layer, "rate")]
    assert rates == [0.4, 0.3, 0.2]


def test_lstms_are_what_cudnn_runs() -> None:
    config = NetworkConfig(lstm=[4, 3])
    for layer in build_network(config, vocabulary=9, classes=2).layers:
        if isinstance(layer, keras.layers.LSTM):
            assert (layer.activation.__name__, layer.recurrent_activation.__name__) == ("tanh", "sigmoid")
            assert (layer.recurrent_dropout, layer.unroll, layer.use_bias) == (0, False, True)


def test_the_network_names_no_backend() -> None:
    root = Path(__file__).parents[3] / "training"
    for name in ("model/network.py", "fit/loop.py", "fit/batches.py", "evaluation/calibration.py"):
        assert "tensorflow" not in (root / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("masked", [True, False])
def test_padding_is_masked_where_the_recipe_says_so(masked: bool) -> None:
    network = build_network(NetworkConfig(embedding=8, lstm=[6], masked=masked), vocabulary=20, classes=3, length=6)
    answers = network.predict_on_batch(np.array([[3, 4, 0, 0, 0, 0], [3, 4, 0, 0, 0, 5]]))
    without = build_network(NetworkConfig(embedding=8, lstm=[6]), vocabulary=20, classes=3)
    without.set_weights(network.get_weights())
    unpadded = without.predict_on_batch(np.array([[3, 4]]))
    assert np.allclose(answers[0], unpadded[0], atol=1e-6) == masked
