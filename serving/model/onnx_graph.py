"""Translation of a Keras network into an ONNX graph.

Where every embedding masks padding and no layer reads past the mask, recurrent layers get the true lengths and poolings
look at unmasked steps only, so that padding cannot change an answer. Otherwise the graph reads the padding as Keras
does, with the mask that the ids themselves give.

A new kind of layer is one entry in a table of `serving/model/layers/`.
"""

from dataclasses import dataclass

import onnx

from serving.errors import NetworkError
from serving.model.keras_config import NUMBERS, Layer, input_shape
from serving.model.layers.activations import ACTIVATION_LAYERS
from serving.model.layers.features import FEATURE_LAYERS
from serving.model.layers.graph import Graph, PaddingRead, Translator, Value, refused
from serving.model.layers.recurrent import RECURRENT_LAYERS
from serving.model.layers.steps import STEP_LAYERS

TRANSLATORS: dict[str, Translator] = FEATURE_LAYERS | RECURRENT_LAYERS | STEP_LAYERS | ACTIVATION_LAYERS

ENDS = "a softmax of two or more, or one sigmoid"


@dataclass(frozen=True, slots=True)
class Translation:
    """The graph of a network and its outer shape; see `Network` for its attributes."""

    model: onnx.ModelProto
    vocabulary: int
    classes: int
    end: str
    masked: bool
    steps: int | None
    numbers: int


def translate(layers: list[Layer]) -> Translation:
    """Translate a network.

    Args:
        layers: each after its inputs, as `read_layers` returns them.

    Raises:
        NetworkError: a layer that serving cannot run; the sentence names the first, but no file.
    """
    _check_kinds(layers)
    embeddings = [layer for layer in layers if layer.kind == "Embedding"]
    if embeddings and all(layer.options.get("mask_zero") for layer in embeddings):
        try:
            return _translation(layers, embeddings, Graph(padded_right=True))
        except PaddingRead:
            pass
    return _translation(layers, embeddings, Graph())


def _translation(layers: list[Layer], embeddings: list[Layer], graph: Graph) -> Translation:
    values = dict[str, Value]()
    for layer in layers:
        inputs = [values[name] for name in layer.inputs]
        if any(value.ids for value in inputs) and layer.kind not in ("Embedding", "TextVectorization"):
            raise refused(layer, f"is a {layer.kind} of the input itself", "an Embedding of token ids first")
        values[layer.name] = TRANSLATORS[layer.kind](graph, layer, inputs)
    name, classes = _probabilities(graph, layers[-1], values[layers[-1].name])
    numbers = next((values[layer.name].width or 0 for layer in layers if layer.name == NUMBERS), 0)
    return Translation(
        model=graph.model(name, classes, ids=bool(embeddings), numbers=numbers),
        vocabulary=min((len(layer.weights[0]) for layer in embeddings), default=0),
        classes=classes,
        end=values[layers[-1].name].activation,
        masked=graph.padded_right,
        steps=None if graph.padded_right else declared_steps(layers),
        numbers=numbers,
    )


def declared_steps(layers: list[Layer]) -> int | None:
    """The length of texts that a network's file declares, in tokens; None where it takes any."""
    lengths = [layer.options.get("output_sequence_length") for layer in layers if layer.kind == "TextVectorization"]
    for layer in layers if not lengths else ():
        lengths += (input_shape(layer) or [])[1:2] if layer.name != NUMBERS else []
        lengths += [layer.options.get("input_length")] if layer.kind == "Embedding" else []
    return next((length for length in lengths if type(length) is int), None)


def _check_kinds(layers: list[Layer]) -> None:
    shape = next((shape for layer in layers if layer.kind == "InputLayer" and (shape := input_shape(layer))), [])
    accepted = "accepted: networks of token ids, which begin with an Embedding"
    if len(shape) > 2:
        raise NetworkError(f"takes vectors or images, of shape {shape[1:]}, not texts; {accepted}")
    for layer in layers:
        if layer.kind not in TRANSLATORS:
            raise refused(layer, f"is a {layer.kind}", ", ".join(TRANSLATORS))
    if not any(layer.kind == "Embedding" or layer.name == NUMBERS for layer in layers):
        raise NetworkError(f"takes numbers and has no Embedding of them; {accepted}")


def _probabilities(graph: Graph, last: Layer, value: Value) -> tuple[str, int]:
    """The name and the number of a network's probabilities; one sigmoid p becomes [1 - p, p]."""
    width = value.width or 0
    if value.steps:
        raise refused(last, "is the end and answers for each step", f"{ENDS} for the text as a whole")
    if value.activation == "sigmoid" and width == 1:
        other = graph.node("Sub", graph.number(1), value.name)
        return graph.node("Concat", other, value.name, axis=-1), 2
    if value.activation == "sigmoid":
        raise refused(last, f"ends in {width} sigmoids, of which several can be true of one text", ENDS)
    if value.activation != "softmax" or width < 2:
        end = f"{value.activation or last.kind} of {width or 'several'}"
        raise refused(last, f"ends in {end}, which gives no probabilities", ENDS)
    return value.name, width
