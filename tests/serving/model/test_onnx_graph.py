from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto

from serving.errors import NetworkError
from serving.model.bundle import NETWORK
from serving.model.keras_config import Layer
from serving.model.keras_h5 import read_layers
from serving.model.layers.graph import Graph
from serving.model.onnx_graph import translate
from tests.bundles import NETWORKS, TINY


def test_the_mask_is_made_once_and_covers_the_text() -> None:
    graph = Graph(padded_right=True)
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


def of_file(path: Path, kind: str) -> Layer:
    """The first layer of a kind, with its options as Keras writes them."""
    return next(layer for layer in read_layers(path) if layer.kind == kind)


LSTM, BIDIRECTIONAL = of_file(NETWORKS / "tutorial.h5", "LSTM"), of_file(NETWORKS / "trained.h5", "Bidirectional")
DENSE = of_file(TINY / NETWORK, "Dense")


def changed(layer: Layer, /, **options: Any) -> Layer:
    return replace(layer, options=layer.options | options)


def refusal(*layers: Layer, mask: bool = False) -> str:
    """Why layers on top of an embedding, each after the one before it, are refused."""
    table = np.zeros((9, 5), np.float32)
    layers = (Layer("Embedding", "first", {"mask_zero": mask}, [], [table]), *layers)
    chain = [
        replace(layer, name=f"{number}", inputs=[f"{number - 1}"] * (number > 0)) for number, layer in enumerate(layers)
    ]
    with pytest.raises(NetworkError) as caught:
        translate(chain)
    return str(caught.value)


def test_the_outer_shape() -> None:
    translation = translate(read_layers(TINY / NETWORK))
    assert (translation.classes, translation.masked, translation.steps) == (3, True, None)
    assert translation.vocabulary > 30


@pytest.mark.parametrize("kind", ["Lambda", "MultiHeadAttention", "tweets>Other"])
def test_a_layer_that_serving_does_not_know(kind: str) -> None:
    layer = Layer(kind, "unknown", {}, [])
    assert refusal(layer, DENSE).startswith(f"layer '1' is a {kind}; accepted: InputLayer, TextVectorization")


@pytest.mark.parametrize(
    ("layer", "fault"),
    [
        (changed(LSTM, return_state=True), "return_state=True"),
        (changed(LSTM, time_major=True), "time_major=True"),
        (changed(LSTM, activation="swoosh"), "the activation 'swoosh'; accepted: linear, relu"),
        (changed(LSTM, activation={"registered_name": "mine>swoosh"}), "the activation 'mine>swoosh'"),
        (changed(BIDIRECTIONAL, merge_mode=None), "merge_mode None; accepted: concat, sum, mul, ave"),
        (changed(BIDIRECTIONAL, layer={"class_name": "RNN", "config": {}}), "Bidirectional RNN"),
        (Layer("TimeDistributed", "", {"layer": {"class_name": "Conv1D", "config": {}}}, []), "TimeDistributed Conv1D"),
        (Layer("BatchNormalization", "", {"axis": 1}, []), "works along axis 1; accepted: the last"),
        (Layer("Softmax", "", {"axis": 1}, []), "over another axis than the last"),
        (Layer("MaxPooling1D", "", {"data_format": "channels_first"}, []), "data_format 'channels_first'"),
    ],
)
def test_an_option_that_serving_cannot_run(layer: Layer, fault: str) -> None:
    assert fault in refusal(layer, DENSE)


def test_vectors_instead_of_token_ids() -> None:
    vectors = Layer("InputLayer", "input", {"batch_shape": [None, 4, 2]}, [])
    with pytest.raises(NetworkError, match=r"takes vectors or images, of shape \[4, 2\], not texts"):
        translate([vectors, replace(DENSE, inputs=["input"])])


def test_a_network_of_features() -> None:
    features = Layer("InputLayer", "input", {"batch_shape": [None, 4]}, [])
    with pytest.raises(
        NetworkError, match="takes numbers and has no Embedding of them; accepted: networks of token ids"
    ):
        translate([features, replace(DENSE, inputs=["input"])])


def test_a_layer_of_the_ids_themselves() -> None:
    ids = Layer("InputLayer", "ids", {"batch_shape": [None, 4]}, [])
    embedding = Layer("Embedding", "embedding", {}, ["ids"], [np.zeros((9, 5), np.float32)])
    with pytest.raises(NetworkError, match="is a Dense of the input itself"):
        translate([ids, embedding, replace(DENSE, inputs=["ids"])])


POOLING = Layer("GlobalMaxPooling1D", "pooling", {}, [])


@pytest.mark.parametrize(
    ("end", "fault"),
    [
        ([changed(DENSE, activation="sigmoid")], "ends in 3 sigmoids, of which several can be true of one text"),
        ([changed(DENSE, activation="relu")], "ends in relu of 3, which gives no probabilities"),
        ([Layer("Dropout", "dropout", {}, [])], "ends in Dropout of 5"),
        ([DENSE, LSTM], "is a LSTM of a vector"),
    ],
)
def test_an_end_that_gives_no_probabilities(end: list[Layer], fault: str) -> None:
    assert fault in refusal(POOLING, *end)


def test_a_softmax_of_one_answers_always_the_same() -> None:
    kernel, bias = DENSE.weights
    assert "ends in softmax of 1" in refusal(POOLING, replace(DENSE, weights=[kernel[:5, :1], bias[:1]]))


def test_steps_that_are_never_pooled() -> None:
    assert "answers for each step; accepted: a softmax of two or more, or one sigmoid" in refusal(LSTM, DENSE)
