from pathlib import Path

import numpy as np
import pytest

from training.layers import Pooling1D
from training.runtime import keras

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
