from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto

from serving.errors import NetworkError
from serving.model.keras_h5 import read_layers
from serving.model.onnx_graph import Graph, translate
from training.model.backend import keras


def test_the_mask_is_made_once_and_covers_the_text() -> None:
    graph = Graph()
    assert graph.mask() == graph.mask()
    shares = graph.node(
        "ReduceSum", graph.node("Cast", graph.mask(), to=TensorProto.FLOAT), graph.integers(2), keepdims=0
    )
    model = graph.model(graph.node("Transpose", shares, perm=[1, 0]), classes=4)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = {"ids": np.zeros((3, 4), np.int32), "lengths": np.array([1, 4, 2], np.int32)}
    (mask,) = session.run(None, feeds)
    assert np.asarray(mask).tolist() == [[1, 0, 0, 0], [1, 1, 1, 1], [1, 1, 0, 0]]


def test_a_constant_is_kept_once() -> None:
    graph = Graph()
    names = {graph.constant("table", np.ones(3, np.float32)) for _ in range(2)}
    assert names == {"table"}
    assert len(graph.model(graph.integers(1), classes=1).graph.initializer) == 2


def _refusal(tmp_path: Path, *middle: keras.layers.Layer, mask: bool = False) -> str:
    path = tmp_path / "sentiment.h5"
    keras.Sequential([keras.Input((None,)), keras.layers.Embedding(9, 4, mask_zero=mask), *middle]).save(path)
    with pytest.raises(NetworkError) as caught:
        translate(read_layers(path))
    return str(caught.value)


def test_the_outer_shape(bundle: Path) -> None:
    translation = translate(read_layers(bundle / "sentiment.h5"))
    assert (translation.classes, translation.masked, translation.steps) == (3, True, None)
    assert translation.vocabulary > 30


def test_a_layer_that_serving_does_not_know(tmp_path: Path) -> None:
    found = _refusal(tmp_path, keras.layers.GRU(3, name="gru"), keras.layers.Dense(2, activation="softmax"))
    assert found.startswith("sentiment.h5: layer 'gru' is a GRU; accepted: InputLayer, NotEqual, Embedding")


@pytest.mark.parametrize(
    ("layer", "fault"),
    [
        (keras.layers.LSTM(3, go_backwards=True), "go_backwards=True"),
        (keras.layers.LSTM(3, activation="relu"), "activation='relu'"),
        (keras.layers.LSTM(3, recurrent_activation="hard_sigmoid"), "recurrent_activation='hard_sigmoid'"),
        (keras.layers.Bidirectional(keras.layers.LSTM(3), merge_mode="sum"), "with sum"),
        (keras.layers.Bidirectional(keras.layers.GRU(3)), "Bidirectional GRU"),
    ],
)
def test_an_option_that_serving_cannot_run(tmp_path: Path, layer: keras.layers.Layer, fault: str) -> None:
    assert fault in _refusal(tmp_path, layer, keras.layers.Dense(2, activation="softmax"))


@pytest.mark.filterwarnings("ignore:Layer 'global_max_pooling1d:UserWarning")
def test_a_pooling_whose_answer_would_change_with_padding(tmp_path: Path) -> None:
    steps, end = keras.layers.LSTM(3, return_sequences=True), keras.layers.Dense(2, activation="softmax")
    assert "reads masked padding" in _refusal(tmp_path, steps, keras.layers.GlobalMaxPooling1D(), end, mask=True)


@pytest.mark.parametrize("end", [keras.layers.Dense(2, activation="sigmoid"), keras.layers.Dropout(0.1)])
def test_an_end_that_gives_no_probabilities(tmp_path: Path, end: keras.layers.Layer) -> None:
    assert "a Dense softmax of pooled steps" in _refusal(tmp_path, keras.layers.LSTM(3), end)


def test_steps_that_are_never_pooled(tmp_path: Path) -> None:
    steps, end = keras.layers.LSTM(3, return_sequences=True), keras.layers.Dense(2, activation="softmax")
    assert "a Dense softmax of pooled steps" in _refusal(tmp_path, steps, end)
