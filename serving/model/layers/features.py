"""Layers that work on the features of each step or text: embeddings, dense layers, normalisations, merges."""

from functools import reduce

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from serving.model.keras_config import NUMBERS, Layer, input_shape
from serving.model.layers.activations import activated
from serving.model.layers.graph import Graph, PaddingRead, Translator, Value, refused


def _input(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    if layer.name == NUMBERS:
        return Value(NUMBERS, width=_width(layer))
    return Value(graph.node("Transpose", "ids", perm=[1, 0]), steps=True, ids=True)


def _width(layer: Layer) -> int:
    """How many numbers of fields an input takes."""
    shape = input_shape(layer) or []
    if len(shape) != 2 or not shape[1] or not str(layer.options.get("dtype", "float32")).startswith("float"):
        raise refused(layer, f"is {layer.options.get('dtype')} of shape {shape}", "float32 of (rows, numbers)")
    return shape[1]


def unchanged(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    """A layer that does nothing when it answers, such as dropout."""
    return inputs[0]


def _embedding(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    (table,) = layer.weights
    ids = inputs[0] if inputs else _input(graph, layer, inputs)
    if not ids.ids:
        raise refused(layer, "embeds what other layers make", "token ids")
    name = graph.node("Gather", graph.constant(layer.name, table), ids.name, axis=0)
    mask = graph.mask() if layer.options.get("mask_zero") else ""
    return Value(name, steps=True, mask=mask, width=table.shape[1])


def _masking(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    """Mask the steps all of whose features are `mask_value`, and set these to 0."""
    value = inputs[0]
    if not value.steps or graph.padded_right:
        raise PaddingRead
    other = graph.node("Equal", value.name, graph.number(layer.options.get("mask_value", 0)))
    differs = graph.node("Cast", graph.node("Not", other), to=TensorProto.FLOAT)
    mask = graph.node("Cast", graph.node("ReduceMax", differs, graph.integers(-1)), to=TensorProto.BOOL)
    return value.derived(graph.node("Where", mask, value.name, graph.number(0)), mask=mask)


def dense(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    """A product with a kernel, of each step where there are some."""
    name = inputs[0].name
    for kind, array in zip(("MatMul", "Add"), layer.weights, strict=False):
        name = graph.node(kind, name, graph.constant(f"{layer.name}_{kind}", array))
    return activated(graph, layer, inputs[0].derived(name, width=layer.weights[0].shape[-1]))


def _time_distributed(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    inner = layer.options["layer"]
    if inner["class_name"] != "Dense" or not inputs[0].steps:
        raise refused(layer, f"is a TimeDistributed {inner['class_name']}", "Dense, of steps")
    return dense(graph, Layer("Dense", layer.name, inner["config"], layer.inputs, layer.weights), inputs)


def _batch_normalization(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    value, options = inputs[0], layer.options
    _check_axis(layer, value)
    weights = iter(layer.weights)
    gamma = next(weights) if options.get("scale", True) else np.float32(1)
    beta = next(weights) if options.get("center", True) else np.float32(0)
    mean, variance = weights
    # In float64, so that what is folded is as exact as what Keras computes step by step.
    factor = gamma / np.sqrt(variance.astype(np.float64) + options.get("epsilon", 1e-3))
    scaled = graph.node("Mul", value.name, _float32(graph, f"{layer.name}_scale", factor))
    shift = _float32(graph, f"{layer.name}_shift", beta - mean * factor)
    return value.derived(graph.node("Add", scaled, shift))


def _float32(graph: Graph, name: str, array: npt.NDArray[np.float64]) -> str:
    return graph.constant(name, array.astype(np.float32))


def _layer_normalization(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    value, options = inputs[0], layer.options
    _check_axis(layer, value)
    if options.get("rms_scaling") or not layer.weights:
        raise refused(layer, "has rms_scaling, or neither scale nor center", "LayerNormalization with scale or center")
    weights = iter(layer.weights)
    gamma = next(weights) if options.get("scale", True) else np.ones_like(layer.weights[0])
    beta = next(weights) if options.get("center", True) else np.zeros_like(layer.weights[0])
    scale, shift = (graph.constant(f"{layer.name}_{i}", array) for i, array in enumerate((gamma, beta)))
    epsilon = float(options.get("epsilon", 1e-3))
    return value.derived(graph.node("LayerNormalization", value.name, scale, shift, axis=-1, epsilon=epsilon))


def _check_axis(layer: Layer, value: Value) -> None:
    axis = layer.options.get("axis", -1)
    if (axis if isinstance(axis, list) else [axis]) not in ([-1], [1 + value.steps]):
        raise refused(layer, f"works along axis {axis}", "the last")


def _concatenation(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    if layer.options.get("axis", -1) not in (-1, 1 + inputs[0].steps):
        raise refused(layer, f"joins axis {layer.options['axis']}", "the last")
    _check_alike(layer, inputs)
    name = graph.node("Concat", *(value.name for value in inputs), axis=-1)
    widths = [value.width for value in inputs]
    width = None if None in widths else sum(width or 0 for width in widths)
    return Value(name, inputs[0].steps, _merged_mask(graph, layer, inputs), width=width)


_MERGES = {"Add": "Sum", "Average": "Mean", "Maximum": "Max"}


def _merge(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    _check_alike(layer, inputs)
    names = [value.name for value in inputs]
    if layer.kind == "Multiply":
        name = reduce(lambda product, factor: graph.node("Mul", product, factor), names)
    else:
        name = graph.node(_MERGES[layer.kind], *names)
    return inputs[0].derived(name, mask=_merged_mask(graph, layer, inputs))


def _check_alike(layer: Layer, inputs: list[Value]) -> None:
    if any(value.ids for value in inputs) or len({value.steps for value in inputs}) != 1:
        raise refused(layer, "merges token ids, or steps with what has none", "inputs of one rank")


def _merged_mask(graph: Graph, layer: Layer, inputs: list[Value]) -> str:
    """Keras 3 masks where all inputs are masked, and only then; Keras 2 where any is."""
    if layer.options.get("masks_of_keras_2"):
        return _joined(graph, "And", inputs)
    masks = {value.mask for value in inputs}
    alike = masks == {""} or graph.padded_right or (layer.kind == "Concatenate" and len(masks) == 1)
    if layer.kind not in ("Add", "Average") and not alike:
        raise refused(layer, "merges masked steps, which versions of Keras 3 do differently", "steps without a mask")
    return _joined(graph, "Or", inputs) if "" not in masks else ""


def _joined(graph: Graph, kind: str, values: list[Value]) -> str:
    masks = list(dict.fromkeys(value.mask for value in values if value.mask))
    return reduce(lambda mask, other: graph.node(kind, mask, other), masks) if masks else ""


FEATURE_LAYERS: dict[str, Translator] = {
    "InputLayer": _input,
    "TextVectorization": unchanged,  # the bundle's tokenizer does it
    "Embedding": _embedding,
    "Masking": _masking,
    **dict.fromkeys(
        ["Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization"],
        unchanged,
    ),
    "Dense": dense,
    "TimeDistributed": _time_distributed,
    "BatchNormalization": _batch_normalization,
    "LayerNormalization": _layer_normalization,
    "Concatenate": _concatenation,
    **dict.fromkeys(["Multiply", *_MERGES], _merge),
}
