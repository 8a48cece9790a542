from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto

from serving.errors import NetworkError
from serving.model.bundle import NETWORK
from serving.model.keras_h5 import Layer, read_layers
from serving.model.onnx_graph import Graph, translate
from tests.bundles import NETWORKS, TINY


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


def of_file(path: Path, kind: str) -> Layer:
    """The first layer of a kind, with its options as Keras writes them."""
    return next(layer for layer in read_layers(path) if layer.kind == kind)


LSTM, BIDIRECTIONAL = of_file(NETWORKS / "tutorial.h5", "LSTM"), of_file(NETWORKS / "trained.h5", "Bidirectional")
DENSE, GLOBAL_MAX = (
    of_file(TINY / NETWORK, "Dense"),
    of_file(NETWORKS / "with_poolings_of_keras.h5", "GlobalMaxPooling1D"),
)


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


@pytest.mark.parametrize("layers", [[], [LSTM], [LSTM, DENSE, LSTM]])
def test_no_network(layers: list[Layer]) -> None:
    assert "an Embedding first, and last a Dense softmax of pooled steps" in refusal(*layers)


def test_the_outer_shape() -> None:
    translation = translate(read_layers(TINY / NETWORK))
    assert (translation.classes, translation.masked, translation.steps) == (3, True, None)
    assert translation.vocabulary > 30


def test_a_layer_that_serving_does_not_know() -> None:
    gru = Layer("GRU", "gru", {}, [], [])
    assert refusal(gru, DENSE).startswith("sentiment.h5: layer '1' is a GRU; accepted: InputLayer, NotEqual, Embedding")


@pytest.mark.parametrize(
    ("layer", "fault"),
    [
        (changed(LSTM, go_backwards=True), "go_backwards=True"),
        (changed(LSTM, activation="relu"), "activation='relu'"),
        (changed(LSTM, recurrent_activation="hard_sigmoid"), "recurrent_activation='hard_sigmoid'"),
        (changed(BIDIRECTIONAL, merge_mode="sum"), "with sum"),
        (changed(BIDIRECTIONAL, layer=BIDIRECTIONAL.options["layer"] | {"class_name": "GRU"}), "Bidirectional GRU"),
    ],
)
def test_an_option_that_serving_cannot_run(layer: Layer, fault: str) -> None:
    assert fault in refusal(layer, DENSE)


def test_an_activation_that_serving_cannot_run() -> None:
    assert "uses swish; accepted: linear, relu" in refusal(LSTM, changed(DENSE, activation="swish"))


def test_a_pooling_whose_answer_would_change_with_padding() -> None:
    assert "reads masked padding" in refusal(LSTM, GLOBAL_MAX, DENSE, mask=True)


@pytest.mark.parametrize("end", [changed(DENSE, activation="sigmoid"), Layer("Dropout", "dropout", {}, [], [])])
def test_an_end_that_gives_no_probabilities(end: Layer) -> None:
    assert "a Dense softmax of pooled steps" in refusal(changed(LSTM, return_sequences=False), end)


def test_steps_that_are_never_pooled() -> None:
    assert "a Dense softmax of pooled steps" in refusal(LSTM, DENSE)
