"""Every layer that serving translates, beside Keras 3 and Keras 2 (`tf_keras`): random weights, lengths and padding."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras
from tf_keras.src.saving.legacy import hdf5_format

from serving.adopt.conversion import load_network
from serving.adopt.keras_files import read_keras_file, write_h5
from serving.errors import NetworkError
from serving.model.layers.activations import ACTIVATIONS
from serving.model.network import Network
from serving.model.tokenizer import Ids
from training.model.backend import keras

# Keras warns of `.h5`, Keras 3 also of layers that drop a mask.
pytestmark = [
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file"),
    pytest.mark.filterwarnings("ignore:Layer .* does not support mask"),
]

TOLERANCE = 1e-5
VOCABULARY, TEXTS, STEPS = 20, 8, 9
KERAS = {"keras3": keras, "keras2": tf_keras}

Layers = Callable[[Any], list[Any]]


def rnn(kind: str, **options: Any) -> Layers:
    return lambda layers: [getattr(layers, kind)(4, **options)]


def both_ways(kind: str, merge_mode: str = "concat", **options: Any) -> Layers:
    return lambda layers: [layers.Bidirectional(getattr(layers, kind)(4, **options), merge_mode=merge_mode)]


CELLS = ["LSTM", "GRU", "SimpleRNN"]
STEPWISE: dict[str, Layers] = {
    "embedding": lambda _: [],
    "dropouts": lambda layers: [
        layers.Dropout(0.2), layers.SpatialDropout1D(0.2), layers.GaussianNoise(0.2), layers.GaussianDropout(0.2),
        layers.AlphaDropout(0.2), layers.ActivityRegularization(0.2),
    ],
    "masking": lambda layers: [
        layers.Dense(3, activation="relu"), layers.Masking(0.0), layers.LSTM(4, return_sequences=True)
    ],
    **{f"{kind} sequences": rnn(kind, return_sequences=True) for kind in CELLS},
    **{f"{kind} backwards sequences": rnn(kind, return_sequences=True, go_backwards=True) for kind in CELLS},
    **{f"{kind} relu sequences": rnn(kind, return_sequences=True, activation="relu") for kind in CELLS},
    **{f"{kind} gelu sequences": rnn(kind, return_sequences=True, activation="gelu") for kind in CELLS},
    **{f"{kind} both sequences": both_ways(kind, return_sequences=True) for kind in CELLS},
    **{f"{kind} both gelu sequences": both_ways(kind, return_sequences=True, activation="gelu") for kind in CELLS},
    "zeros for masked steps": lambda layers: [layers.LSTM(4, return_sequences=True, zero_output_for_mask=True)],
    "GRU reset before sequences": rnn("GRU", return_sequences=True, reset_after=False),
    "GRU reset before gelu": rnn("GRU", return_sequences=True, reset_after=False, activation="gelu"),
    "two deep": lambda layers: [
        layers.LSTM(4, return_sequences=True), layers.Bidirectional(layers.GRU(3, return_sequences=True))
    ],
    "convolution valid": lambda layers: [layers.Conv1D(5, 3, activation="relu")],
    "convolution same": lambda layers: [layers.Conv1D(5, 4, padding="same", use_bias=False)],
    "convolution same strided": lambda layers: [layers.Conv1D(5, 4, padding="same", strides=2)],
    "convolution causal dilated": lambda layers: [layers.Conv1D(5, 3, padding="causal", dilation_rate=2)],
    "convolution same dilated": lambda layers: [layers.Conv1D(5, 3, padding="same", dilation_rate=2)],
    "convolution strided": lambda layers: [layers.Conv1D(5, 2, strides=3)],
    "convolution in groups": lambda layers: [layers.Conv1D(6, 2, groups=3)],
    "max pooling": lambda layers: [layers.MaxPooling1D(2)],
    "max pooling same": lambda layers: [layers.MaxPooling1D(3, strides=2, padding="same")],
    "average pooling": lambda layers: [layers.AveragePooling1D(3, strides=1)],
    "average pooling same": lambda layers: [layers.AveragePooling1D(4, padding="same")],
    "convolution then LSTM": lambda layers: [
        layers.Conv1D(5, 3), layers.MaxPooling1D(2), layers.LSTM(4, return_sequences=True)
    ],
    "time distributed": lambda layers: [layers.TimeDistributed(layers.Dense(5, activation="tanh"))],
    "dense steps": lambda layers: [layers.Dense(5, activation="elu")],
    "batch normalization": lambda layers: [layers.BatchNormalization()],
    "batch normalization bare": lambda layers: [layers.BatchNormalization(scale=False, center=False, epsilon=0.1)],
    "layer normalization": lambda layers: [layers.LayerNormalization()],
    "layer normalization without center": lambda layers: [layers.LayerNormalization(center=False, epsilon=0.1)],
    "relu layer": lambda layers: [layers.ReLU(max_value=0.9, negative_slope=0.1, threshold=0.2)],
    "leaky relu layer": lambda layers: [layers.LeakyReLU(0.2)],
    "prelu layer": lambda layers: [layers.PReLU()],
    "prelu layer with shared axes": lambda layers: [layers.PReLU(shared_axes=[1])],
    "elu layer": lambda layers: [layers.ELU(0.7)],
    "activation layer": lambda layers: [layers.Activation("softplus")],
}  # fmt: skip
# All side by side: those that read past a mask, those that heed it, and a cell.
ENDS: dict[str, Layers] = {
    "max": lambda layers: [layers.GlobalMaxPooling1D()],
    "average": lambda layers: [layers.GlobalAveragePooling1D()],
    "flat": lambda layers: [layers.Flatten()],
    "last": lambda layers: [layers.SimpleRNN(3)],
    "kept": lambda layers: [layers.GlobalMaxPooling1D(keepdims=True), layers.Flatten()],
}
VECTORS: dict[str, Layers] = {
    **{kind: rnn(kind) for kind in CELLS},
    **{f"{kind} backwards": rnn(kind, go_backwards=True) for kind in CELLS},
    **{f"{kind} without bias": rnn(kind, use_bias=False) for kind in CELLS},
    **{f"{kind} both {mode}": both_ways(kind, mode) for kind in CELLS for mode in ("concat", "sum", "mul", "ave")},
    "GRU reset before": rnn("GRU", reset_after=False),
    "GRU both reset before": both_ways("GRU", reset_after=False, return_sequences=False),
    "two different directions": lambda layers: [
        layers.Bidirectional(layers.LSTM(4), backward_layer=layers.GRU(4, go_backwards=True, activation="relu"))
    ],
    "LSTM hard sigmoid": rnn("LSTM", recurrent_activation="hard_sigmoid"),
    "GRU hard sigmoid both": both_ways("GRU", recurrent_activation="hard_sigmoid", reset_after=False),
    "LSTM linear": rnn("LSTM", activation="linear", recurrent_activation="relu"),
    "LSTM unrolled": rnn("LSTM", unroll=True),
    "softmax layer": lambda layers: [layers.LSTM(4), layers.Softmax()],
    "normalised": lambda layers: [
        layers.GRU(4), layers.BatchNormalization(), layers.Dense(6, activation=None), layers.LayerNormalization(),
        layers.LeakyReLU(), layers.Dropout(0.1), layers.PReLU(),
    ],
}  # fmt: skip


def applied(layers: list[Any], value: Any) -> Any:
    for layer in layers:
        value = layer(value)
    return value


def network(k: Any, branch: list[Any], ends: list[list[Any]], *, masked: bool, classes: int = 3) -> Any:
    """An embedding, a branch of layers on it, and ends of the branch side by side."""
    ids = k.Input((STEPS,))
    value = applied(branch, k.layers.Embedding(VOCABULARY, 6, mask_zero=masked)(ids))
    values = [applied(end, value) for end in ends]
    joined = k.layers.Concatenate()(values) if len(values) > 1 else values[0]
    return k.Model(ids, k.layers.Dense(classes, activation="softmax" if classes > 1 else "sigmoid")(joined))


def randomise(model: Any, scale: float) -> None:
    rng = np.random.default_rng(7)
    for weight in model.weights:
        values = rng.normal(size=weight.shape) * scale
        weight.assign(np.abs(values) + 0.1 if "variance" in weight.name else values)


def padded(side: str) -> tuple[Ids, Ids]:
    rng = np.random.default_rng(3)
    ids = rng.integers(1, VOCABULARY, (TEXTS, STEPS), dtype=np.int32)
    lengths = np.array([STEPS, 1, 2, 5, 8, 3, 7, STEPS], np.int32)
    for row, length in zip(ids, lengths, strict=True):
        row[slice(length, None) if side == "post" else slice(0, STEPS - length)] = 0
    ids[4, STEPS // 2] = 0  # as of a tokenizer whose first word has id 0
    return ids, lengths


def check(model: Any, folder: Path, suffix: str, *, invariant: bool, scale: float = 0.5) -> None:
    """Hold serving to Keras, through a file, with the same texts padded on either side, in one batch.

    `invariant`: whether the answers do not depend on the padding. `scale`: of the weights.
    """
    randomise(model, scale)
    model.save(folder / f"network{suffix}")
    served = load_network(folder / f"network{suffix}", {})
    assert served.masked == invariant
    ids, lengths = map(np.concatenate, zip(padded("pre"), padded("post"), strict=True))
    expected = np.asarray(model(ids, training=False))
    answers = served.run(ids, lengths)[:, -expected.shape[1] :]
    assert np.abs(answers - expected).max() <= TOLERANCE


@pytest.fixture(params=KERAS)
def k(request: pytest.FixtureRequest) -> Any:
    return KERAS[request.param]


MASKED = pytest.mark.parametrize("masked", [True, False], ids=["masked", "unmasked"])


@MASKED
@pytest.mark.parametrize("name", STEPWISE)
def test_layers_of_steps(tmp_path: Path, k: Any, name: str, masked: bool) -> None:
    model = network(k, STEPWISE[name](k.layers), [end(k.layers) for end in ENDS.values()], masked=masked)
    check(model, tmp_path, ".keras" if masked else ".h5", invariant=False)


@MASKED
@pytest.mark.parametrize("name", VECTORS)
def test_layers_that_end_steps(tmp_path: Path, k: Any, name: str, masked: bool) -> None:
    model = network(k, [], [VECTORS[name](k.layers)], masked=masked, classes=1)
    check(model, tmp_path, ".keras" if masked else ".h5", invariant=masked)


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if hasattr(keras.activations, name)])
def test_activations(tmp_path: Path, k: Any, name: str) -> None:
    if not hasattr(k.activations, name):
        pytest.skip("Keras 2 has none of this name")
    ends = [[k.layers.GlobalAveragePooling1D(), k.layers.Dense(4, activation=name)]]
    if name != "exponential":  # with which cells run away
        ends += [[getattr(k.layers, kind)(3, activation=name)] for kind in CELLS]
        ends += [[getattr(k.layers, kind)(3, recurrent_activation=name)] for kind in CELLS[:2]]
    # With larger weights all cells whose activation has no bound do.
    check(network(k, [], ends, masked=True), tmp_path, ".h5", invariant=True, scale=0.2)


MERGES = ["Add", "Average", "Multiply", "Maximum", "Concatenate"]


def merged(k: Any, kind: str, *, mixed: bool) -> Any:
    """A network that merges steps: all of them masked, or some."""
    layers = k.layers
    ids = k.Input((STEPS,))
    first, other = (layers.Embedding(VOCABULARY, 6, mask_zero=mask)(ids) for mask in (True, not mixed))
    value = layers.GRU(3)(getattr(layers, kind)()([first, other, layers.Dense(6)(first)]))
    return k.Model(ids, layers.Dense(3, activation="softmax")(value))


@pytest.mark.parametrize("mixed", [True, False])
@pytest.mark.parametrize("kind", MERGES)
def test_merges(tmp_path: Path, k: Any, kind: str, mixed: bool) -> None:
    """Keras 2 masks where any input is masked, Keras 3 where all are."""
    model = merged(k, kind, mixed=mixed)
    if k is keras and mixed and kind not in ("Add", "Average"):
        model.save(tmp_path / "network.h5")
        with pytest.raises(NetworkError, match="merges masked steps, which versions of Keras 3 do differently"):
            load_network(tmp_path / "network.h5", {})
    else:
        check(model, tmp_path, ".h5", invariant=not mixed)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_nested_models_some_of_them_frozen(tmp_path: Path, k: Any, suffix: str) -> None:
    """A nested model's file has all its trainable arrays first."""
    layers = k.layers
    frozen = layers.Dense(4)
    frozen.trainable = False
    deeper = k.Sequential([frozen, layers.BatchNormalization(), layers.Dense(4)])
    inner_ids = k.Input((STEPS, 6))
    inner = k.Model(inner_ids, layers.Bidirectional(layers.LSTM(3))(deeper(layers.BatchNormalization()(inner_ids))))
    embedding = k.Sequential([layers.Embedding(VOCABULARY, 6)])
    model = k.Sequential([k.Input((STEPS,)), embedding, inner, layers.Dense(2, activation="softmax")])
    check(model, tmp_path, suffix, invariant=False)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_cells_of_cudnn(tmp_path: Path, kind: str) -> None:
    """Their arrays, given to the plain cell by Keras's own converter."""
    layers = tf_keras.layers
    plain = layers.LSTM(3) if kind == "LSTM" else layers.GRU(3, reset_after=True)
    model = network(tf_keras, [], [[plain]], masked=False)
    randomise(model, 0.5)
    rng = np.random.default_rng(5)
    gates = 4 if kind == "LSTM" else 3
    arrays = [rng.normal(size=size).astype(np.float32) for size in ((6, 3 * gates), (3, 3 * gates), (6 * gates,))]
    plain.set_weights(hdf5_format.preprocess_weights_for_loading(plain, [array.copy() for array in arrays]))
    model.save(tmp_path / "plain.h5")
    read = read_keras_file(tmp_path / "plain.h5")
    old = [replace(layer, weights=arrays) if layer.kind == kind else layer for layer in read.layers]
    architecture = json.loads(json.dumps(read.architecture).replace(f'"{kind}"', f'"CuDNN{kind}"'))
    write_h5(replace(read, layers=old, architecture=architecture), tmp_path / "cudnn.h5")
    ids, lengths = padded("pre")
    assert np.abs(Network(tmp_path / "cudnn.h5").run(ids, lengths) - np.asarray(model(ids))).max() <= TOLERANCE


@pytest.mark.parametrize(("values", "numbers"), [((5, 7), 4), ((), 4), ((3, 4), 0)])
def test_networks_of_fields(tmp_path: Path, values: tuple[int, ...], numbers: int) -> None:
    """Categories in one embedding, numbers beside them, or either alone."""
    inputs, features = [], []
    if values:
        inputs.append(keras.Input((len(values),), dtype="int32", name="ids"))
        embedded = keras.layers.Embedding(sum(values), 3)(inputs[-1])
        features.append(keras.layers.Flatten()(embedded))
    if numbers:
        inputs.append(keras.Input((numbers,), name="field_numbers"))
        features.append(inputs[-1])
    joined = keras.layers.Concatenate()(features) if len(features) > 1 else features[0]
    hidden = keras.layers.Dropout(0.2)(keras.layers.Dense(6, activation="relu")(joined))
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(hidden))
    model.save(tmp_path / "n.h5", include_optimizer=False)

    rng = np.random.default_rng(0)
    ids = rng.integers(0, sum(values) or 1, (9, len(values))).astype(np.int32)
    rows = rng.normal(size=(9, numbers)).astype(np.float32)
    network = Network(tmp_path / "n.h5")
    assert (network.vocabulary, network.numbers, network.steps or 0) == (sum(values), numbers, len(values))
    fed = [array for array in (ids, rows) if array.shape[1]]
    expected = model.predict_on_batch(fed if len(fed) > 1 else fed[0])
    assert network.run_fields(ids, rows) == pytest.approx(expected, abs=1e-6)


def test_numbers_of_fields_are_no_model_of_texts(tmp_path: Path) -> None:
    numbers = keras.Input((2,), name="field_numbers")
    keras.Model(numbers, keras.layers.Dense(2, activation="softmax")(numbers)).save(tmp_path / "n.h5")
    with pytest.raises(NetworkError, match=r"n\.h5: takes numbers of fields, not texts"):
        load_network(tmp_path / "n.h5", {})


def test_numbers_that_are_no_floats(tmp_path: Path) -> None:
    numbers = keras.Input((2,), dtype="int32", name="field_numbers")
    outputs = keras.layers.Dense(2, activation="softmax")(numbers)
    keras.Model(numbers, outputs).save(tmp_path / "n.h5", include_optimizer=False)
    with pytest.raises(NetworkError, match="layer 'field_numbers' is int32"):
        Network(tmp_path / "n.h5")
