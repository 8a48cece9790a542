"""Layers that look at several steps at once: convolutions, poolings, and Flatten."""

from typing import Any

from onnx import TensorProto

from serving.model.keras_config import Layer, Weights
from serving.model.layers.activations import activated
from serving.model.layers.graph import Graph, Translator, Value, masked_to, read_past_mask, refused
from serving.model.tokenizer import MAX_TOKENS

FAR_BELOW = -1e9  # what training's poolings put at masked steps


def _of_steps(layer: Layer, value: Value) -> Value:
    if not value.steps:
        raise refused(layer, f"is a {layer.kind} of a vector", "steps")
    if layer.options.get("data_format") not in (None, "channels_last"):
        raise refused(layer, f"has data_format {layer.options['data_format']!r}", "channels_last")
    return value


def _steps_option(layer: Layer, key: str, default: int) -> int:
    """An option in steps, which Keras writes as a number or as a list of one; no text has more steps."""
    option: Any = layer.options.get(key) or default
    steps = int(option[0] if isinstance(option, list) else option)
    if not 1 <= steps <= MAX_TOKENS:
        raise refused(layer, f"has {key} {steps:,}", f"1 to {MAX_TOKENS:,}")
    return steps


def _convolution(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    value, options, kernel = _of_steps(layer, inputs[0]), layer.options, layer.weights[0]
    stride, dilation = (_steps_option(layer, key, 1) for key in ("strides", "dilation_rate"))
    bias = [graph.constant(f"{layer.name}_B", array) for array in layer.weights[1:]]
    name = graph.node(
        "Conv",
        graph.node("Transpose", read_past_mask(graph, value), perm=[1, 2, 0]),
        graph.constant(f"{layer.name}_W", kernel.transpose(2, 1, 0)),
        *bias,
        strides=[stride],
        dilations=[dilation],
        group=int(options.get("groups") or 1),
        **_padding(layer, stride, dilation * (len(kernel) - 1)),
    )
    convolved = graph.node("Transpose", name, perm=[2, 0, 1])
    return activated(graph, layer, Value(convolved, steps=True, width=kernel.shape[-1]))


def _padding(layer: Layer, stride: int, reach: int) -> dict[str, Any]:
    """Attributes of ONNX for Keras's `padding`; a window's last step is `reach` steps behind its first."""
    padding = layer.options.get("padding", "valid")
    if padding == "same":
        return {"pads": [reach // 2, reach - reach // 2]} if stride == 1 else {"auto_pad": "SAME_UPPER"}
    if padding not in ("valid", "causal"):
        raise refused(layer, f"has padding {padding!r}", "valid, same, causal")
    return {"pads": [reach if padding == "causal" else 0, 0]}


def _window_pooling(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    value = _of_steps(layer, inputs[0])
    size = _steps_option(layer, "pool_size", 2)
    stride = _steps_option(layer, "strides", size)
    kind = "MaxPool" if layer.kind == "MaxPooling1D" else "AveragePool"
    moved = graph.node("Transpose", read_past_mask(graph, value), perm=[1, 2, 0])
    pooled = graph.node(kind, moved, kernel_shape=[size], strides=[stride], **_padding(layer, stride, size - 1))
    return Value(graph.node("Transpose", pooled, perm=[2, 0, 1]), steps=True, width=value.width)


def _flatten(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    value = inputs[0]
    if not value.steps:
        return value
    moved = graph.node("Transpose", read_past_mask(graph, value), perm=[1, 0, 2])
    return Value(graph.node("Reshape", moved, graph.integers(0, -1)))


def _max(graph: Graph, value: Value, weights: Weights, keepdims: bool = False) -> str:
    name = masked_to(graph, value, value.name, FAR_BELOW)
    return graph.node("ReduceMax", name, graph.integers(0), keepdims=int(keepdims))


def _average(graph: Graph, value: Value, weights: Weights, keepdims: bool = False) -> str:
    keep = int(keepdims)
    if not value.mask:
        return graph.node("ReduceMean", value.name, graph.integers(0), keepdims=keep)
    mask = graph.node("Cast", value.mask, to=TensorProto.FLOAT)
    total = graph.node("ReduceSum", graph.node("Mul", value.name, mask), graph.integers(0), keepdims=keep)
    return graph.node("Div", total, graph.node("ReduceSum", mask, graph.integers(0), keepdims=keep))


def _attention(graph: Graph, value: Value, weights: Weights) -> str:
    """The steps' weighted sum, the weights being the softmax of what a dense layer with tanh says of each step."""
    kernel, bias = (graph.constant(f"attention_{i}", array) for i, array in enumerate(weights))
    scores = graph.node("Tanh", graph.node("Add", graph.node("MatMul", value.name, kernel), bias))
    shares = graph.node("Softmax", masked_to(graph, value, scores, FAR_BELOW), axis=0)
    return graph.node("ReduceSum", graph.node("Mul", value.name, shares), graph.integers(0), keepdims=0)


_POOLINGS = {"max": _max, "average": _average, "attention": _attention}


def _training_pooling(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    """The pooling that training has: of what is not masked, by one kind or several side by side."""
    value, kinds = inputs[0], layer.options["kinds"]
    pooled = [_POOLINGS[kind](graph, value, layer.weights) for kind in kinds]
    width = value.width and value.width * len(kinds)
    return Value(pooled[0] if len(pooled) == 1 else graph.node("Concat", *pooled, axis=-1), width=width)


def _global_pooling(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    """Keras's maximum reads masked steps too, its average does not."""
    value, keepdims = _of_steps(layer, inputs[0]), bool(layer.options.get("keepdims"))
    if layer.kind == "GlobalMaxPooling1D":
        name = _max(graph, Value(read_past_mask(graph, value), steps=True), [], keepdims)
    else:
        name = _average(graph, value, [], keepdims)
    return Value(name, steps=keepdims, width=value.width)


STEP_LAYERS: dict[str, Translator] = {
    "Conv1D": _convolution,
    **dict.fromkeys(["MaxPooling1D", "AveragePooling1D"], _window_pooling),
    **dict.fromkeys(["GlobalMaxPooling1D", "GlobalAveragePooling1D"], _global_pooling),
    "Flatten": _flatten,
    "tweets>Pooling1D": _training_pooling,
}
