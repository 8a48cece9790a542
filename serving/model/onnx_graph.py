"""Translation of Keras layers into an ONNX graph.

Where the embedding masks padding, recurrent layers get the true lengths and poolings look at unmasked steps only, so
that padding cannot change an answer.

A new kind of layer is one entry: of `_CELLS` where it is recurrent, of `_TRANSLATORS` otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from serving.errors import NetworkError
from serving.model.keras_h5 import Layer, Weights

OPSET, IR_VERSION = 20, 10
MASK = "mask"


class Graph:
    """Builder of an ONNX graph: nodes and constants get their names as they are added.

    The graph's inputs are `ids`, int32 (texts, steps), padded right where padding is masked, and `lengths`, int32
    (texts,). Its output is `probabilities`, float32 (texts, classes). Steps come first inside, as ONNX's recurrent
    operators have them.
    """

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._has_mask = False

    def node(self, kind: str, *inputs: str, output: str = "", **options: Any) -> str:
        """Add an operator with one output; returns the output's name."""
        name = output or f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], **options))
        return name

    def recurrent(self, kind: str, *inputs: str, output: str, sequences: bool, **options: Any) -> str:
        """Add a recurrent operator, such as LSTM.

        Returns:
            The name of all its steps, (steps, directions, texts, units), or of the last ones, without the first axis.
        """
        outputs = [output] if sequences else ["", output]
        self._nodes.append(helper.make_node(kind, inputs, outputs, **options))
        return output

    def constant(self, name: str, array: npt.NDArray[Any]) -> str:
        """Add an array once; returns its name."""
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def integers(self, *values: int) -> str:
        """A constant int64 vector."""
        return self.constant("int_" + "_".join(map(str, values)), np.array(values, dtype=np.int64))

    def mask(self) -> str:
        """Which steps are text, bool (steps, texts, 1); computed once."""
        if not self._has_mask:
            self._has_mask = True
            zero, one = (self.constant(f"scalar_{n}", np.array(n, np.int64)) for n in (0, 1))
            steps = self.node("Gather", self.node("Shape", "ids"), one)
            column = self.node("Unsqueeze", self.node("Range", zero, steps, one), self.integers(1))
            lengths = self.node("Cast", "lengths", to=TensorProto.INT64)
            self.node("Unsqueeze", self.node("Less", column, lengths), self.integers(2), output=MASK)
        return MASK

    def model(self, result: str, classes: int) -> onnx.ModelProto:
        """The finished model, whose output is the value named `result`."""
        self.node("Identity", result, output="probabilities")
        inputs = [
            helper.make_tensor_value_info("ids", TensorProto.INT32, ["texts", "steps"]),
            helper.make_tensor_value_info("lengths", TensorProto.INT32, ["texts"]),
        ]
        outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["texts", classes])]
        graph = helper.make_graph(self._nodes, "sentiment", inputs, outputs, list(self._constants.values()))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


FAR_BELOW = -1e9  # what training's poolings put at masked steps


@dataclass(frozen=True, slots=True)
class Value:
    """A layer's output in the graph: its name, whether it still has steps, whether padding in them is masked."""

    name: str
    steps: bool = False
    masked: bool = False


def _far_below_where_masked(graph: Graph, value: Value, name: str) -> str:
    if not value.masked:
        return name
    return graph.node("Where", graph.mask(), name, graph.constant("far_below", np.array(FAR_BELOW, np.float32)))


def _max_pooling(graph: Graph, value: Value, weights: Weights) -> str:
    return graph.node("ReduceMax", _far_below_where_masked(graph, value, value.name), graph.integers(0), keepdims=0)


def _average_pooling(graph: Graph, value: Value, weights: Weights) -> str:
    if not value.masked:
        return graph.node("ReduceMean", value.name, graph.integers(0), keepdims=0)
    mask = graph.node("Cast", graph.mask(), to=TensorProto.FLOAT)
    total = graph.node("ReduceSum", graph.node("Mul", value.name, mask), graph.integers(0), keepdims=0)
    return graph.node("Div", total, graph.node("ReduceSum", mask, graph.integers(0), keepdims=0))


def _attention_pooling(graph: Graph, value: Value, weights: Weights) -> str:
    """The steps' weighted sum, the weights being the softmax of what a dense layer with tanh says of each step."""
    kernel, bias = (graph.constant(f"attention_{i}", array) for i, array in enumerate(weights))
    scores = graph.node("Tanh", graph.node("Add", graph.node("MatMul", value.name, kernel), bias))
    shares = graph.node("Softmax", _far_below_where_masked(graph, value, scores), axis=0)
    return graph.node("ReduceSum", graph.node("Mul", value.name, shares), graph.integers(0), keepdims=0)


_POOLINGS = {"max": _max_pooling, "average": _average_pooling, "attention": _attention_pooling}

ACTIVATIONS = {"linear": "Identity", "relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "softmax": "Softmax"}


@dataclass(frozen=True, slots=True)
class Translation:
    """The graph of a network and its outer shape; see `Network` for its attributes."""

    model: onnx.ModelProto
    vocabulary: int
    classes: int
    masked: bool
    steps: int | None


def translate(layers: list[Layer]) -> Translation:
    """Translate a network.

    Args:
        layers: each after its inputs, as `read_layers` returns them.

    Raises:
        NetworkError: a layer that serving cannot run; the sentence names the first.
    """
    graph, values = Graph(), dict[str, Value]()
    for layer in layers:
        if layer.kind not in _TRANSLATORS:
            raise _refused(layer, f"is a {layer.kind}", ", ".join(_TRANSLATORS))
        values[layer.name] = _TRANSLATORS[layer.kind](graph, layer, [values[name] for name in layer.inputs])
    last, embedding = layers[-1], next((layer for layer in layers if layer.kind == "Embedding"), None)
    if embedding is None or last.kind != "Dense" or last.options["activation"] != "softmax" or values[last.name].steps:
        raise _refused(last, "is the end", "an Embedding first, and last a Dense softmax of pooled steps")
    classes = last.weights[0].shape[1]
    return Translation(
        model=graph.model(values[last.name].name, classes),
        vocabulary=len(embedding.weights[0]),
        classes=classes,
        masked=bool(embedding.options["mask_zero"]),
        steps=next((layer.options["batch_shape"][1] for layer in layers if layer.kind == "InputLayer"), None),
    )


def _refused(layer: Layer, fault: str, accepted: str) -> NetworkError:
    return NetworkError(f"sentiment.h5: layer {layer.name!r} {fault}; accepted: {accepted}")


def _input(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    return Value(graph.node("Transpose", "ids", perm=[1, 0]), steps=True)


def _unchanged(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    return inputs[0]


def _embedding(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    (table,) = layer.weights
    ids = inputs[0] if inputs else _input(graph, layer, inputs)
    name = graph.node("Gather", graph.constant(layer.name, table), ids.name, axis=0)
    return Value(name, steps=True, masked=bool(layer.options["mask_zero"]))


def _recurrent(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    return _directions(graph, layer, layer.kind, layer.options, [layer.weights], inputs[0])


def _bidirectional(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    inner, merge_mode = layer.options["layer"], layer.options["merge_mode"]
    if inner["class_name"] not in _CELLS or merge_mode != "concat":
        fault = f"is a Bidirectional {inner['class_name']} with {merge_mode}"
        raise _refused(layer, fault, f"{', '.join(_CELLS)} with concat")
    half = len(layer.weights) // 2
    directions = [layer.weights[:half], layer.weights[half:]]
    return _directions(graph, layer, inner["class_name"], inner["config"], directions, inputs[0])


def _directions(
    graph: Graph, layer: Layer, kind: str, options: dict[str, Any], directions: list[Weights], value: Value
) -> Value:
    """A recurrent layer of one direction or two, each with weights of its own, side by side in the last axis."""
    cell = _CELLS[kind]
    for key, accepted in cell.options.items():
        if options.get(key, accepted) != accepted:
            raise _refused(layer, f"has {key}={options[key]!r}", repr(accepted))
    w, r, b = (np.stack(arrays) for arrays in zip(*map(cell.onnx_weights, directions), strict=True))
    sequences = bool(options["return_sequences"])
    output = graph.recurrent(
        kind,
        value.name,
        graph.constant(f"{layer.name}_W", w),
        graph.constant(f"{layer.name}_R", r),
        graph.constant(f"{layer.name}_B", b),
        "lengths" if value.masked else "",
        output=f"{layer.name}_out",
        sequences=sequences,
        hidden_size=r.shape[-1],
        direction="bidirectional" if len(directions) == 2 else "forward",
        **cell.attributes,
    )
    # Directions go from their own axis to side by side in the last.
    moved = graph.node("Transpose", output, perm=[0, 2, 1, 3] if sequences else [1, 0, 2])
    shape = graph.integers(0, 0, -1) if sequences else graph.integers(0, -1)
    return Value(graph.node("Reshape", moved, shape), steps=sequences, masked=value.masked and sequences)


def _lstm_weights(weights: Weights) -> tuple[npt.NDArray[np.float32], ...]:
    kernel, recurrent = weights[:2]
    bias = weights[2] if len(weights) > 2 else np.zeros(kernel.shape[1], np.float32)
    return _lstm_gates(kernel).T, _lstm_gates(recurrent).T, np.concatenate([_lstm_gates(bias), np.zeros_like(bias)])


def _lstm_gates(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """From Keras's order of gates, i f c o, to ONNX's, i o f c, along the last axis."""
    i, f, c, o = np.split(array, 4, axis=-1)
    return np.concatenate([i, o, f, c], axis=-1)


@dataclass(frozen=True, slots=True)
class _Cell:
    """A recurrent layer of Keras as the ONNX operator of the same name.

    `options`: those of Keras that matter, with the only values that are accepted. `onnx_weights`: Keras's [kernel,
    recurrent kernel, bias] of one direction as ONNX's W, R and B, the pair [Wb, Rb].
    """

    options: dict[str, Any]
    onnx_weights: Callable[[Weights], tuple[npt.NDArray[np.float32], ...]]
    attributes: dict[str, Any] = field(default_factory=dict)


_FORWARD = {"activation": "tanh", "go_backwards": False, "stateful": False, "return_state": False}

_CELLS = {"LSTM": _Cell(_FORWARD | {"recurrent_activation": "sigmoid"}, _lstm_weights)}


def _pooling(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    kinds = layer.options["kinds"]
    pooled = [_POOLINGS[kind](graph, inputs[0], layer.weights) for kind in kinds]
    return Value(pooled[0] if len(pooled) == 1 else graph.node("Concat", *pooled, axis=-1))


def _global_max(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    if inputs[0].masked:
        raise _refused(layer, "is Keras's GlobalMaxPooling1D, which reads masked padding", "training's Pooling1D")
    return Value(_max_pooling(graph, inputs[0], []))


def _global_average(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    return Value(_average_pooling(graph, inputs[0], []))


def _concatenation(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    rank = 3 if inputs[0].steps else 2
    if layer.options["axis"] not in (-1, rank - 1):
        raise _refused(layer, f"joins axis {layer.options['axis']}", "the last")
    name = graph.node("Concat", *(value.name for value in inputs), axis=-1)
    return Value(name, inputs[0].steps, inputs[0].masked)


def _dense(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    activation, name = layer.options["activation"], inputs[0].name
    if activation not in ACTIVATIONS:
        raise _refused(layer, f"uses {activation}", ", ".join(ACTIVATIONS))
    for kind, array in zip(("MatMul", "Add"), layer.weights, strict=False):
        name = graph.node(kind, name, graph.constant(f"{layer.name}_{kind}", array))
    return Value(graph.node(ACTIVATIONS[activation], name), inputs[0].steps, inputs[0].masked)


_TRANSLATORS: dict[str, Callable[[Graph, Layer, list[Value]], Value]] = {
    "InputLayer": _input,
    "NotEqual": _unchanged,  # Keras writes the embedding's mask out as `ids != 0`; `lengths` says the same here
    "Embedding": _embedding,
    "SpatialDropout1D": _unchanged,
    "Dropout": _unchanged,
    **dict.fromkeys(_CELLS, _recurrent),
    "Bidirectional": _bidirectional,
    "tweets>Pooling1D": _pooling,
    "GlobalMaxPooling1D": _global_max,
    "GlobalAveragePooling1D": _global_average,
    "Concatenate": _concatenation,
    "Dense": _dense,
}
