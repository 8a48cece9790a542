"""The served network beside Keras: every combination of layers that training builds, and kinds that others do."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from serving.model.inputs.fields import CategoryField, FieldsFile, NumberField
from serving.model.network import Network
from serving.model.tokenizer import Ids
from tests.keras_bundles import randomise
from training.inputs.fields import FieldsEncoding
from training.model.backend import keras
from training.model.network import build_network
from training.recipe.model import NetworkConfig

TOLERANCE = 1e-5
VOCABULARY, TEXTS, STEPS = 40, 9, 13
POOLINGS = [["last"], ["max"], ["average"], ["attention"], ["max", "attention"], ["average", "max", "attention"]]


def saved(model: keras.Model, folder: Path) -> Path:
    randomise(model)
    path = folder / "sentiment.h5"
    model.save(path, include_optimizer=False)
    return path


def ragged(rng: np.random.Generator, padding: int = 0) -> tuple[Ids, Ids]:
    ids = rng.integers(1, VOCABULARY, (TEXTS, STEPS + padding), dtype=np.int32)
    lengths = rng.integers(1, STEPS + 1, TEXTS, dtype=np.int32)
    lengths[0] = STEPS
    for row, length in zip(ids, lengths, strict=True):
        row[length:] = 0
    return ids, lengths


@pytest.mark.parametrize(
    ("bidirectional", "pooling", "lstm"), [*itertools.product([False, True], POOLINGS, [[5], [6, 4], [3, 4, 5]])]
)
def test_masked_networks_agree_with_keras(
    tmp_path: Path, bidirectional: bool, pooling: list[str], lstm: list[int]
) -> None:
    knobs = NetworkConfig.model_validate(
        {"embedding": 7, "lstm": lstm, "bidirectional": bidirectional, "pooling": pooling, "lstm_dropout": 0.1}
    )
    model = build_network(knobs, vocabulary=VOCABULARY, classes=3)
    network = Network(saved(model, tmp_path))
    ids, lengths = ragged(np.random.default_rng(1))
    assert np.abs(network.run(ids, lengths) - model.predict_on_batch(ids)).max() <= TOLERANCE


@pytest.mark.parametrize(("bidirectional", "pooling"), [*itertools.product([False, True], POOLINGS)])
def test_unmasked_networks_agree_with_keras(tmp_path: Path, bidirectional: bool, pooling: list[str]) -> None:
    knobs = NetworkConfig.model_validate(
        {"embedding": 7, "masked": False, "lstm": [6, 4], "bidirectional": bidirectional, "pooling": pooling}
    )
    model = build_network(knobs, vocabulary=VOCABULARY, classes=3, length=STEPS)
    network = Network(saved(model, tmp_path))
    ids, _ = ragged(np.random.default_rng(2))
    ids = ids[:, ::-1].copy()  # padded left, as the tutorial does
    lengths = np.full(TEXTS, STEPS, np.int32)
    assert (network.masked, network.steps) == (False, STEPS)
    assert np.abs(network.run(ids, lengths) - model.predict_on_batch(ids)).max() <= TOLERANCE


def test_the_tutorials_own_network(tmp_path: Path) -> None:
    model = keras.Sequential(
        [
            keras.Input((28,)),
            keras.layers.Embedding(2000, 128),
            keras.layers.SpatialDropout1D(0.4),
            keras.layers.LSTM(196, dropout=0.2, return_sequences=True),
            keras.layers.LSTM(128, dropout=0.2),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    path = tmp_path / "sentiment.h5"
    model.save(path, include_optimizer=False)
    ids = np.random.default_rng(3).integers(0, 2000, (5, 28), dtype=np.int32)
    ids[:, :9] = 0
    network = Network(path)
    assert (network.vocabulary, network.classes, network.steps) == (2000, 3, 28)
    served = network.run(ids, np.full(5, 28, np.int32))
    assert np.abs(served - model.predict_on_batch(ids)).max() <= TOLERANCE


def test_keras_own_poolings_concatenated(tmp_path: Path) -> None:
    ids = keras.Input((STEPS,), dtype="int32")
    steps = keras.layers.Bidirectional(keras.layers.LSTM(5, return_sequences=True, use_bias=False))(
        keras.layers.Embedding(VOCABULARY, 6)(ids)
    )
    pooled = [keras.layers.GlobalMaxPooling1D()(steps), keras.layers.GlobalAveragePooling1D()(steps)]
    hidden = keras.layers.Dense(7, activation="relu")(keras.layers.Dropout(0.1)(keras.layers.Concatenate()(pooled)))
    model = keras.Model(ids, keras.layers.Dense(4, activation="softmax")(hidden))
    network = Network(saved(model, tmp_path))
    batch, _ = ragged(np.random.default_rng(4))
    assert (
        np.abs(network.run(batch, np.full(TEXTS, STEPS, np.int32)) - model.predict_on_batch(batch)).max() <= TOLERANCE
    )


def test_a_masked_functional_network_with_keras_average(tmp_path: Path) -> None:
    ids = keras.Input((None,), dtype="int32")
    steps = keras.layers.LSTM(5, return_sequences=True)(keras.layers.Embedding(VOCABULARY, 6, mask_zero=True)(ids))
    model = keras.Model(ids, keras.layers.Dense(2, activation="softmax")(keras.layers.GlobalAveragePooling1D()(steps)))
    network = Network(saved(model, tmp_path))
    batch, lengths = ragged(np.random.default_rng(5))
    assert network.masked
    assert np.abs(network.run(batch, lengths) - model.predict_on_batch(batch)).max() <= TOLERANCE


@pytest.mark.parametrize("pooling", POOLINGS)
def test_an_answer_depends_neither_on_batch_mates_nor_on_padding(tmp_path: Path, pooling: list[str]) -> None:
    knobs = NetworkConfig.model_validate({"embedding": 7, "lstm": [6, 5], "bidirectional": True, "pooling": pooling})
    network = Network(saved(build_network(knobs, vocabulary=VOCABULARY, classes=3), tmp_path))
    ids, lengths = ragged(np.random.default_rng(6))
    together = network.run(ids, lengths)
    for row, length, expected in zip(ids, lengths, together, strict=True):
        alone = network.run(row[None, :length], np.array([length], np.int32))[0]
        far_padded = network.run(np.pad(row, (0, 50))[None], np.array([length], np.int32))[0]
        assert np.abs(alone - expected).max() <= 1e-6
        assert np.abs(far_padded - expected).max() <= 1e-6


NUMBERS = [
    NumberField(name="age", mean=40, scale=12, missing=38),
    NumberField(name="gain", mean=1e4, scale=3e4, missing=0),
]
BINNED = NUMBERS[0].model_copy(update={"bins": [25.0, 40.0, 60.0]})
CATEGORIES = [CategoryField(name="work", values=["a", "b", "c"]), CategoryField(name="sex", values=["f"], missing="f")]
FORMS = {"numbers": NUMBERS, "categories": CATEGORIES, "both": [*NUMBERS, *CATEGORIES], "one": NUMBERS[:1]}
FORMS |= {"bins": [BINNED], "bins beside others": [CATEGORIES[0], BINNED, CATEGORIES[1], NUMBERS[1]]}


@pytest.mark.parametrize(("form", "dense"), [*itertools.product(FORMS, [[], [7], [9, 5]])])
def test_networks_of_fields_agree_with_keras(tmp_path: Path, form: str, dense: list[int]) -> None:
    encoding = FieldsEncoding(FieldsFile(fields=FORMS[form]).model_dump_json())
    model = encoding.build(NetworkConfig(embedding=3, dense=dense, dropout=0.3), classes=3)
    network = Network(saved(model, tmp_path))
    rng = np.random.default_rng(7)
    rows = [
        {
            "age": float(rng.integers(17, 90)) if i % 5 else None,
            "gain": float(rng.exponential(3e4)),
            "work": "abc"[i % 3] if i % 4 else None,
            "sex": None,
        }
        for i in range(40)
    ]
    names = {field.name for field in encoding.fields.fields}
    encoded = encoding.encode([{name: value for name, value in row.items() if name in names} for row in rows])
    served, by_keras = encoding.fields.run(network, encoded), model.predict_on_batch(encoding.batch(encoded))
    assert np.abs(served - by_keras).max() <= TOLERANCE
    assert np.ptp(served, axis=0).max() > 0.01  # answers that differ, so that it says something
