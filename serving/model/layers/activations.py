"""Activation functions, and the layers that are nothing else."""

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import TensorProto

from serving.model.keras_config import OLD_HARD_SIGMOID, Layer
from serving.model.layers.graph import Graph, Translator, Value, refused

Activation = Callable[[Graph, str], str]


def _operator(kind: str, **options: Any) -> Activation:
    return lambda graph, x: graph.node(kind, x, **options)


def _clip(low: float, high: float) -> Activation:
    return lambda graph, x: graph.node("Clip", x, graph.number(low), graph.number(high))


def _silu(graph: Graph, x: str) -> str:
    return graph.node("Mul", x, graph.node("Sigmoid", x))


def _tanh_shrink(graph: Graph, x: str) -> str:
    return graph.node("Sub", x, graph.node("Tanh", x))


def _log_sigmoid(graph: Graph, x: str) -> str:
    return graph.node("Neg", graph.node("Softplus", graph.node("Neg", x)))


def _squareplus(graph: Graph, x: str) -> str:
    root = graph.node("Sqrt", graph.node("Add", graph.node("Mul", x, x), graph.number(4)))
    return graph.node("Mul", graph.node("Add", x, root), graph.number(0.5))


def _sparse_plus(graph: Graph, x: str) -> str:
    """0 up to -1, x from 1 on, (x + 1)^2 / 4 between."""
    bounded = graph.node("Add", graph.node("Clip", x, graph.number(-1), graph.number(1)), graph.number(1))
    curve = graph.node("Mul", graph.node("Mul", bounded, bounded), graph.number(0.25))
    return graph.node("Max", x, curve)


def _sparsemax(graph: Graph, x: str) -> str:
    """As Keras computes it, whose threshold adds the running sums up to the last that is supported."""
    ordered = graph.sorted_downwards(x, graph.node("Shape", x, start=-1))
    one, axis = graph.number(1), graph.constant("last_axis", np.array(-1, np.int64))
    sums = graph.node("CumSum", ordered, axis)
    ranks = graph.node("CumSum", graph.node("Expand", one, graph.node("Shape", x)), axis)
    reached = graph.node("Div", graph.node("Sub", sums, one), ranks)
    supported = graph.node("Cast", graph.node("Greater", ordered, reached), to=TensorProto.FLOAT)
    count = graph.node("ReduceSum", supported, graph.integers(-1))
    total = graph.node("ReduceSum", graph.node("Mul", supported, sums), graph.integers(-1))
    threshold = graph.node("Div", graph.node("Sub", total, one), count)
    return graph.node("Relu", graph.node("Sub", x, threshold))


# By the names of keras.activations, but for `threshold`, which needs arguments, and `glu`, after which Keras expects
# twice the features that there are: no layer can name these.
ACTIVATIONS: dict[str, Activation] = {
    "linear": _operator("Identity"),
    "relu": _operator("Relu"),
    "tanh": _operator("Tanh"),
    "sigmoid": _operator("Sigmoid"),
    "softmax": _operator("Softmax"),
    "log_softmax": _operator("LogSoftmax"),
    "elu": _operator("Elu"),
    "celu": _operator("Celu"),
    "selu": _operator("Selu"),
    "gelu": _operator("Gelu"),
    "mish": _operator("Mish"),
    "silu": _silu,
    "swish": _silu,
    "softplus": _operator("Softplus"),
    "softsign": _operator("Softsign"),
    "exponential": _operator("Exp"),
    "hard_sigmoid": _operator("HardSigmoid", alpha=1 / 6, beta=0.5),
    OLD_HARD_SIGMOID: _operator("HardSigmoid", alpha=0.2, beta=0.5),
    "hard_silu": _operator("HardSwish"),
    "hard_swish": _operator("HardSwish"),
    "hard_tanh": _clip(-1, 1),
    "hard_shrink": _operator("Shrink", bias=0.0, lambd=0.5),
    "soft_shrink": _operator("Shrink", bias=0.5, lambd=0.5),
    "tanh_shrink": _tanh_shrink,
    "leaky_relu": _operator("LeakyRelu", alpha=0.2),
    "relu6": _clip(0, 6),
    "sparse_sigmoid": _operator("HardSigmoid", alpha=0.5, beta=0.5),
    "log_sigmoid": _log_sigmoid,
    "squareplus": _squareplus,
    "sparse_plus": _sparse_plus,
    "sparsemax": _sparsemax,
}


def activated(graph: Graph, layer: Layer, value: Value, key: str = "activation") -> Value:
    """A value after the activation that a layer's option names."""
    activation = layer.options.get(key) or "linear"
    if isinstance(activation, dict) and activation.get("class_name") in ACTIVATION_LAYERS:
        inner = Layer(activation["class_name"], layer.name, activation["config"], layer.inputs)
        return ACTIVATION_LAYERS[inner.kind](graph, inner, [value])
    name = activation_name(layer, activation)
    return value.derived(ACTIVATIONS[name](graph, value.name), activation=name)


def activation_name(layer: Layer, activation: Any) -> str:
    """The name of an activation, where there is a translation."""
    if isinstance(activation, str) and activation in ACTIVATIONS:
        return activation
    if isinstance(activation, dict):
        activation = activation.get("registered_name") or activation.get("class_name")
    raise refused(layer, f"uses the activation {activation!r}", ", ".join(ACTIVATIONS))


def _activation(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    return activated(graph, layer, inputs[0])


def _relu(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    """What lies between `threshold` and `max_value` stays; what is below has `negative_slope`."""
    x, options = inputs[0].name, layer.options
    threshold = graph.number(options.get("threshold") or 0)
    below = graph.node("Mul", graph.node("Sub", x, threshold), graph.number(options.get("negative_slope") or 0))
    result = graph.node("Where", graph.node("GreaterOrEqual", x, threshold), x, below)
    if options.get("max_value") is not None:
        result = graph.node("Min", result, graph.number(options["max_value"]))
    return inputs[0].derived(result)


def _leaky_relu(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    key = "negative_slope" if "negative_slope" in layer.options else "alpha"  # as Keras 1 and 2 had it
    return inputs[0].derived(graph.node("LeakyRelu", inputs[0].name, alpha=float(layer.options[key])))


def _prelu(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    (slopes,), value = layer.weights, inputs[0]
    # Steps, where there are some, come before the texts here.
    slope = graph.constant(f"{layer.name}_slope", slopes[:, None] if value.steps else slopes)
    return value.derived(graph.node("PRelu", value.name, slope))


def _elu(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    return inputs[0].derived(graph.node("Elu", inputs[0].name, alpha=float(layer.options.get("alpha", 1))))


def _thresholded_relu(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    theta = float(layer.options.get("theta", 1))
    return inputs[0].derived(graph.node("ThresholdedRelu", inputs[0].name, alpha=theta))


def _softmax(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    value = inputs[0]
    if layer.options.get("axis", -1) not in (-1, [-1], 1 + value.steps) or value.mask:
        raise refused(layer, "is a Softmax of masked steps or over another axis than the last", "the last, unmasked")
    return value.derived(ACTIVATIONS["softmax"](graph, value.name), activation="softmax")


ACTIVATION_LAYERS: dict[str, Translator] = {
    "Activation": _activation,
    "ReLU": _relu,
    "LeakyReLU": _leaky_relu,
    "PReLU": _prelu,
    "ELU": _elu,
    "ThresholdedReLU": _thresholded_relu,
    "Softmax": _softmax,
}
