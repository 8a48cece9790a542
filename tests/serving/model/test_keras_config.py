"""Architectures as Keras 1 to 3 write them, made of plain data."""

from typing import Any

import numpy as np
import pytest

from serving.errors import NetworkError
from serving.model.keras_config import Layer, read_architecture, snake_case
from serving.model.keras_h5 import with_weights
from serving.model.onnx_graph import declared_steps, translate


def entry(kind: str, name: str, inputs: list[Any] | None = None, **config: Any) -> dict[str, Any]:
    """A layer, of a Functional network where it has inputs."""
    nodes = {} if inputs is None else {"name": name, "inbound_nodes": [inputs] if inputs else []}
    return {"class_name": kind, "config": config | {"name": name}} | nodes


def functional(*entries: dict[str, Any], outputs: int = 1) -> dict[str, Any]:
    names = [layer["config"]["name"] for layer in entries]
    inputs = [[name, 0, 0] for layer, name in zip(entries, names, strict=True) if layer["class_name"] == "InputLayer"]
    outputs_of = [[name, 0, 0] for name in names[-outputs:]]
    return {
        "class_name": "Model",
        "config": {"layers": list(entries), "input_layers": inputs, "output_layers": outputs_of},
    }


IDS = entry("InputLayer", "ids", [], batch_input_shape=[None, 6])
EMBEDDING = entry("Embedding", "words", [["ids", 0, 0]])


def test_a_sequential_whose_configuration_is_a_list() -> None:
    model = {"class_name": "Sequential", "config": [entry("Embedding", "words"), entry("Dense", "answers")]}
    assert [(layer.name, layer.inputs) for layer in read_architecture(model, "2.0.2")] == [
        ("words", []),
        ("answers", ["words"]),
    ]


def test_nested_models_become_flat() -> None:
    deeper = {"class_name": "Sequential", "config": {"name": "deeper", "layers": [entry("Dropout", "rest")]}}
    inner = functional(
        entry("InputLayer", "given", [], batch_shape=[None, 6, 4]),
        deeper | {"name": "deeper", "inbound_nodes": [[["given", 0, 0]]]},
    )
    inner["config"]["name"] = "inner"
    model = functional(
        IDS,
        EMBEDDING,
        inner | {"name": "inner", "inbound_nodes": [[["words", 0, 0]]]},
        entry("Dense", "answers", [["inner", 0, 0]]),
    )
    layers = read_architecture(model, "2.4.0")
    assert [layer.name for layer in layers] == ["ids", "words", "inner/deeper/rest", "answers"]
    assert layers[2].inputs == ["words"]
    assert layers[3].inputs == ["inner/deeper/rest"]
    assert (layers[2].group, layers[2].place) == ("inner", (("model", 0), ("sequential", 0), ("dropout", 0)))


def test_operations_that_only_make_masks_are_left_out() -> None:
    mask = entry("NotEqual", "not_equal", [["ids", 0, 0, {}]])
    layers = read_architecture(functional(IDS, EMBEDDING, mask, entry("Dense", "answers", [["words", 0, 0]])), "3.9.0")
    assert [layer.name for layer in layers] == ["ids", "words", "answers"]


OTHER_IDS = entry("InputLayer", "other", [], batch_input_shape=[None, 6])
ANSWERS = entry("Dense", "answers", [["words", 0, 0]])
MORE_ANSWERS = entry("Dense", "more", [["words", 0, 0]])
TWICE = {"inbound_nodes": [[["ids", 0, 0]], [["ids", 0, 0]]]}
STATE = entry("LSTM", "lstm", [["words", 0, 1]])
WITH_STATE = entry("LSTM", "lstm", [["words", 0, 0, {"initial_state": [["ids", 0, 0]]}]])


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (functional(IDS, OTHER_IDS, entry("Add", "sum", [["ids", 0, 0], ["other", 0, 0]])), "has 2 inputs"),
        (functional(IDS, EMBEDDING, ANSWERS, MORE_ANSWERS, outputs=2), "has 2 outputs"),
        (functional(IDS, EMBEDDING | TWICE, ANSWERS), "'words' is used 2 times"),
        (functional(IDS, EMBEDDING, STATE), "a state of layer 'words' is used"),
        (functional(IDS, EMBEDDING, WITH_STATE), "takes initial_state"),
        ({"class_name": "MyModel", "config": {}}, "is a MyModel; accepted: Sequential, Functional, Model"),
        ({"class_name": "Sequential", "config": [entry("Dropout", "d")] * 501}, "has 501 layers"),
        ({"class_name": "Sequential", "config": [entry("Dropout", "d")] * 2}, "2 layers of the name 'd'"),
    ],
)
def test_an_architecture_that_is_refused(model: dict[str, Any], sentence: str) -> None:
    with pytest.raises(NetworkError, match=sentence):
        read_architecture(model, "2.4.0")


@pytest.mark.parametrize(
    ("model", "steps"),
    [
        ([entry("Embedding", "words", input_length=9)], 9),
        ([entry("Embedding", "words", batch_input_shape=[None, 8])], 8),
        ([entry("InputLayer", "ids", batch_shape=[2, 7]), entry("Embedding", "words")], 7),
        (
            [entry("InputLayer", "ids", batch_shape=[None]), entry("TextVectorization", "v", output_sequence_length=5)],
            5,
        ),
        ([entry("InputLayer", "ids", batch_shape=[None, None]), entry("Embedding", "words", input_length=None)], None),
    ],
)
def test_the_length_that_a_file_declares(model: list[dict[str, Any]], steps: int | None) -> None:
    assert declared_steps(read_architecture({"class_name": "Sequential", "config": model}, "2.0.0")) == steps


def test_names_of_groups() -> None:
    names = ["LSTM", "GRU", "Conv1D", "BatchNormalization", "GlobalMaxPooling1D", "SimpleRNN", "TextVectorization"]
    assert [snake_case(name) for name in names] == [
        "lstm", "gru", "conv1d", "batch_normalization", "global_max_pooling1d", "simple_rnn", "text_vectorization",
    ]  # fmt: skip


KERAS_1 = functional(
    IDS,
    EMBEDDING,
    entry("Convolution1D", "conv", [["words", 0, 0]], border_mode="same", subsample_length=1, activation="relu"),
    entry("LSTM", "lstm", [["conv", 0, 0]], inner_activation="hard_sigmoid", activation="tanh", go_backwards=True),
    entry("GRU", "gru", [["conv", 0, 0]], inner_activation="sigmoid", activation="tanh"),
    entry("Merge", "merge", [["lstm", 0, 0], ["gru", 0, 0]], mode="sum", concat_axis=-1),
    entry("Dense", "answers", [["merge", 0, 0]], activation="softmax", bias=True),
)
KERAS_2 = functional(
    IDS,
    EMBEDDING,
    entry("Conv1D", "conv", [["words", 0, 0]], padding="same", strides=[1], activation="relu"),
    entry("LSTM", "lstm", [["conv", 0, 0]], recurrent_activation="hard_sigmoid", activation="tanh", go_backwards=True),
    entry("GRU", "gru", [["conv", 0, 0]], recurrent_activation="sigmoid", activation="tanh", reset_after=False),
    entry("Add", "merge", [["lstm", 0, 0], ["gru", 0, 0]]),
    entry("Dense", "answers", [["merge", 0, 0]], activation="softmax"),
)


def test_keras_1_keeps_each_gate_by_itself() -> None:
    """Its gates of an LSTM are i, c, f and o; each has kernel, recurrent kernel and bias."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        return rng.normal(size=shape).astype(np.float32)

    gates = {name: [normal(4, 3), normal(3, 3), normal(3)] for name in ("i", "c", "f", "o", "z", "r", "h")}
    common = {"words": [normal(9, 5)], "answers": [normal(3, 2), normal(2)]}
    kernel, bias = normal(2, 5, 4), normal(4)
    old = common | {
        "conv": [kernel[:, None], bias],
        "lstm": [array for name in "icfo" for array in gates[name]],
        "gru": [array for name in "zrh" for array in gates[name]],
    }
    new = common | {
        "conv": [kernel, bias],
        "lstm": [np.concatenate([gates[name][i] for name in "ifco"], axis=-1) for i in range(3)],
        "gru": [np.concatenate([gates[name][i] for name in "zrh"], axis=-1) for i in range(3)],
    }

    def arrays_of(arrays: dict[str, Any], model: dict[str, Any], version: str) -> list[Layer]:
        return with_weights(read_architecture(model, version), lambda layer: arrays.get(layer.name, []), version)

    first, second = arrays_of(old, KERAS_1, "1.2.2"), arrays_of(new, KERAS_2, "2.1.0")
    for layer, other in zip(first, second, strict=True):
        assert (layer.kind, layer.inputs) == (other.kind, other.inputs)
        assert all(np.array_equal(*pair) for pair in zip(layer.weights, other.weights, strict=True))
    graphs = [translate(layers).model.SerializeToString() for layers in (first, second)]
    assert graphs[0] == graphs[1]


def test_hard_sigmoid_is_that_of_the_files_keras() -> None:
    model = {"class_name": "Sequential", "config": [entry("LSTM", "lstm", recurrent_activation="hard_sigmoid")]}
    kinds = [read_architecture(model, f"{major}.0.0")[0].options["recurrent_activation"] for major in (2, 3)]
    assert kinds == ["hard_sigmoid of Keras 2", "hard_sigmoid"]
