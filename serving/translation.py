"""Translates the layers of a Keras network into an ONNX graph.

Where the embedding masks padding, LSTMs get the true lengths and poolings look at unmasked steps only, so that
padding cannot change an answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from serving.errors import NetworkError
from serving.graph import Graph
from serving.keras_file import Layer
from serving.poolings import POOLINGS, Value, average_pooling, max_pooling

ACTIVATIONS = {"linear": "Identity", "relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "softmax": "Softmax"}
LSTM_OPTIONS = {
    "activation": "tanh",
    "recurrent_activation": "sigmoid",
    "go_backwards": False,
    "stateful": False,
    "return_state": False,
}


@dataclass(frozen=True, slots=True)
class Translation:
    """The graph of a network and its outer shape. `steps`: the one length that it takes, or None for any."""

    model: onnx.ModelProto
    vocabulary: int
    classes: int
    masked: bool
    steps: int | None


def translate(layers: list[Layer]) -> Translation:
    """Translate every layer. Raises NetworkError at the first that serving cannot run."""
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


def _refused(layer: Layer, found: str, accepted: str) -> NetworkError:
    return NetworkError(f"sentiment.h5: layer {layer.name!r} {found}; accepted: {accepted}")


def _input(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    return Value(graph.node("Transpose", "ids", perm=[1, 0]), steps=True)


def _unchanged(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    return inputs[0]


def _embedding(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    (table,) = layer.weights
    ids = inputs[0] if inputs else _input(graph, layer, inputs)
    name = graph.node("Gather", graph.constant(layer.name, table), ids.name, axis=0)
    return Value(name, steps=True, masked=bool(layer.options["mask_zero"]))


def _lstm(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    return _any_lstm(graph, layer, layer.options, [layer.weights], inputs[0])


def _bidirectional(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    inner, merge = layer.options["layer"], layer.options["merge_mode"]
    if inner["class_name"] != "LSTM" or merge != "concat":
        raise _refused(layer, f"is a Bidirectional {inner['class_name']} with {merge}", "LSTM with concat")
    half = len(layer.weights) // 2
    return _any_lstm(graph, layer, inner["config"], [layer.weights[:half], layer.weights[half:]], inputs[0])


def _any_lstm(graph: Graph, layer: Layer, options: dict[str, Any], directions: list[Any], value: Value) -> Value:
    for key, wanted in LSTM_OPTIONS.items():
        if options.get(key, wanted) != wanted:
            raise _refused(layer, f"has {key}={options[key]!r}", repr(wanted))
    w, r, b = (np.stack(arrays) for arrays in zip(*map(_onnx_weights, directions), strict=True))
    sequences = bool(options["return_sequences"])
    out = graph.lstm(
        value.name,
        graph.constant(f"{layer.name}_W", w),
        graph.constant(f"{layer.name}_R", r),
        graph.constant(f"{layer.name}_B", b),
        "lengths" if value.masked else "",
        output=f"{layer.name}_out",
        sequences=sequences,
        hidden_size=r.shape[-1],
        direction="bidirectional" if len(directions) == 2 else "forward",
    )
    # Directions go from their own axis to side by side in the last.
    moved = graph.node("Transpose", out, perm=[0, 2, 1, 3] if sequences else [1, 0, 2])
    shape = graph.integers(0, 0, -1) if sequences else graph.integers(0, -1)
    return Value(graph.node("Reshape", moved, shape), steps=sequences, masked=value.masked and sequences)


def _onnx_weights(weights: list[npt.NDArray[np.float32]]) -> tuple[npt.NDArray[np.float32], ...]:
    """Keras's [kernel, recurrent kernel, bias] as ONNX's W, R and the pair [Wb, Rb]."""
    kernel, recurrent = weights[:2]
    bias = weights[2] if len(weights) > 2 else np.zeros(kernel.shape[1], np.float32)
    return _gates(kernel).T, _gates(recurrent).T, np.concatenate([_gates(bias), np.zeros_like(bias)])


def _gates(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """From Keras's order of gates, i f c o, to ONNX's, i o f c, along the last axis."""
    i, f, c, o = np.split(array, 4, axis=-1)
    return np.concatenate([i, o, f, c], axis=-1)


def _pooling(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    kinds = layer.options["kinds"]
    pooled = [POOLINGS[kind](graph, inputs[0], layer.weights) for kind in kinds]
    return Value(pooled[0] if len(pooled) == 1 else graph.node("Concat", *pooled, axis=-1))


def _global_max(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    if inputs[0].masked:
        raise _refused(layer, "is Keras's GlobalMaxPooling1D, which reads masked padding", "training's Pooling1D")
    return Value(max_pooling(graph, inputs[0], []))


def _global_average(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    return Value(average_pooling(graph, inputs[0], []))


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
    "LSTM": _lstm,
    "Bidirectional": _bidirectional,
    "tweets>Pooling1D": _pooling,
    "GlobalMaxPooling1D": _global_max,
    "GlobalAveragePooling1D": _global_average,
    "Concatenate": _concatenation,
    "Dense": _dense,
}
