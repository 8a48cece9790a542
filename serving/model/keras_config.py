"""Architecture of a Keras network: the JSON of any version as a flat list of layers. Runs nothing of it."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.errors import NetworkError

Weights = list[npt.NDArray[np.float32]]
Json = dict[str, Any]

# Inputs of a network: token ids, or those of the values of categories; and numbers beside them, or alone.
IDS, NUMBERS = "ids", "field_numbers"

MAX_LAYERS = 500  # of one model; public networks for texts have at most a few dozen
MODELS = ("Sequential", "Functional", "Model")

# Keras 1 -> Keras 3, of what the translation into a graph reads.
_KINDS = {"Convolution1D": "Conv1D", "AtrousConvolution1D": "Conv1D", "TimeDistributedDense": "Dense"}
_MERGE_MODES = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate"}
_OPTIONS = {
    "inner_activation": "recurrent_activation",
    "bias": "use_bias",
    "border_mode": "padding",
    "subsample_length": "strides",
    "atrous_rate": "dilation_rate",
    "pool_length": "pool_size",
    "stride": "strides",
    "concat_axis": "axis",
}

# What Keras 1 and 2 call hard sigmoid is clip(0.2 x + 0.5, 0, 1); since Keras 3 it is clip(x / 6 + 0.5, 0, 1).
OLD_HARD_SIGMOID = "hard_sigmoid of Keras 2"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a network.

    Attributes:
        kind: its Keras class, such as `LSTM` or `tweets>Pooling1D`, in the words of Keras 3.
        name: by which other layers' `inputs` refer to it.
        options: its Keras configuration.
        inputs: names of the layers whose outputs it takes.
        weights: float32 arrays, in Keras's order.
        group: the name of the outermost model's layer that it is or is in; its arrays lie in that group of an `.h5`.
        place: for each model that it is in, from the outermost on, the class of the layer there in snake case, and how
            many of the same class stand before it; a `.keras` file names its groups so.
    """

    kind: str
    name: str
    options: Json
    inputs: list[str]
    weights: Weights = field(default_factory=list)
    group: str = ""
    place: tuple[tuple[str, int], ...] = ()


def read_architecture(model: Json, version: str) -> list[Layer]:
    """The layers of a Sequential or Functional network, each after its inputs, those of nested models among them.

    Args:
        model: `class_name` and `config`, as `model.to_json()` gives them.
        version: of the Keras that wrote it, such as 2.4.0.

    Raises:
        NetworkError: a network with several inputs or outputs, or a layer that is used twice, or another version; the
            sentence does not name the file.
        ValueError, KeyError, TypeError, IndexError, AttributeError: it is no architecture.
    """
    layers, outputs = _flattened(model, [], _Position(major_version(version)))
    name, uses = Counter(layer.name for layer in layers).most_common(1)[0]
    if uses > 1:
        raise NetworkError(f"it has {uses} layers of the name {name!r}; accepted: a name for each")
    if len(outputs) != 1:
        raise NetworkError(f"it has {len(outputs)} outputs; accepted: one")
    inputs = [layer.name for layer in layers if layer.kind == "InputLayer"]
    if len(inputs) > 1 and set(inputs) != {IDS, NUMBERS}:
        raise NetworkError(f"it has {len(inputs)} inputs ({', '.join(inputs)}); accepted: one, of token ids")
    if outputs[0] != layers[-1].name:
        raise NetworkError(
            f"its output is {outputs[0]!r}, but {layers[-1].name!r} is its last layer; accepted: the same"
        )
    return layers


def input_shape(layer: Layer) -> list[int | None] | None:
    """What a layer's file declares of its input, the batch first; None where it does not."""
    shape: list[int | None] | None = layer.options.get("batch_shape") or layer.options.get("batch_input_shape")
    return shape


def major_version(version: str) -> int:
    """1 to 3.

    Raises:
        NetworkError: it is another.
    """
    first = version.split(".")[0]
    if first not in ("1", "2", "3"):
        raise NetworkError(f"was saved by Keras {version}; accepted: 1 to 3")
    return int(first)


@dataclass(frozen=True, slots=True)
class _Position:
    """Where a model stands among those that it is nested in; `keras` is the major version of the file."""

    keras: int
    prefix: str = ""
    group: str = ""
    place: tuple[tuple[str, int], ...] = ()


def _flattened(model: Json, given: list[str], position: _Position) -> tuple[list[Layer], list[str]]:
    """A model's layers, and the names of those whose outputs are its own.

    Args:
        model: `class_name` and `config`.
        given: names of the layers that it is applied to; empty for the outermost model.
        position: of the model.
    """
    if model["class_name"] not in MODELS:
        raise NetworkError(f"it is a {_kind(model)}; accepted: {', '.join(MODELS)}")
    config = model["config"]
    entries = config if isinstance(config, list) else config["layers"]
    if len(entries) > MAX_LAYERS:
        raise NetworkError(f"it has {len(entries):,} layers; accepted: at most {MAX_LAYERS}")
    positions = list(_positions(entries, position))
    if isinstance(config, list) or model["class_name"] == "Sequential":
        return _sequential(entries, positions, given)
    return _functional(config, positions, given)


def _positions(entries: list[Json], position: _Position) -> Iterator[_Position]:
    counts = Counter[str]()
    for entry in entries:
        name, kind = _name(entry), snake_case(entry["class_name"])
        place = (*position.place, (kind, counts[kind]))
        yield _Position(position.keras, f"{position.prefix}{name}", position.group or name, place)
        counts[kind] += 1


def _sequential(entries: list[Json], positions: list[_Position], given: list[str]) -> tuple[list[Layer], list[str]]:
    layers, outputs = list[Layer](), given
    for entry, position in zip(entries, positions, strict=True):
        more, outputs = _applied(entry, outputs, position)
        layers += more
    return layers, outputs


def _functional(config: Json, positions: list[_Position], given: list[str]) -> tuple[list[Layer], list[str]]:
    entries = config["layers"]
    position_of = {entry["name"]: position for entry, position in zip(entries, positions, strict=True)}
    values = dict(zip(_references(config["input_layers"]), ([name] for name in given), strict=bool(given)))
    layers = list[Layer]()
    for entry in _needed(_ordered(entries), config):
        inputs = values.get(entry["name"]) or [name for source in _inbound(entry) for name in values[source]]
        more, values[entry["name"]] = _applied(entry, inputs, position_of[entry["name"]])
        layers += more
    return layers, [name for output in _references(config["output_layers"]) for name in values[output]]


def _needed(entries: list[Json], config: Json) -> list[Json]:
    """The inputs, and what the outputs are made of; Keras 3 also writes out operations that make masks."""
    names = {*_references(config["input_layers"]), *_references(config["output_layers"])}
    for entry in reversed(entries):
        if entry["name"] in names:
            names.update(_inbound(entry))
    return [entry for entry in entries if entry["name"] in names]


def _applied(entry: Json, inputs: list[str], position: _Position) -> tuple[list[Layer], list[str]]:
    """The layers of one entry of a model, and the names of its outputs."""
    if entry["class_name"] in MODELS:
        inner = _Position(position.keras, f"{position.prefix}/", position.group, position.place)
        return _flattened(entry, inputs, inner)
    if entry["class_name"] == "InputLayer" and inputs:
        return [], inputs
    kind, options = _modern(_kind(entry), entry["config"], position.keras)
    layer = Layer(kind, position.prefix, options, inputs, group=position.group, place=position.place)
    return [layer], [layer.name]


def _kind(entry: Json) -> str:
    return str(entry.get("registered_name") or entry["class_name"])


def _name(entry: Json) -> str:
    config = entry["config"]
    return str(config["name"] if isinstance(config, dict) and "name" in config else entry["name"])


def snake_case(name: str) -> str:
    """A class's name as Keras writes it in the names of groups, such as `batch_normalization`."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def _ordered(entries: list[Json]) -> list[Json]:
    """The layers so that each comes after its inputs."""
    ordered: dict[str, Json] = {}
    remaining = entries
    while remaining:
        ready = [entry for entry in remaining if all(name in ordered for name in _inbound(entry))]
        if not ready:
            raise ValueError(f"layers without a way in: {[entry['name'] for entry in remaining]}")
        ordered.update((entry["name"], entry) for entry in ready)
        remaining = [entry for entry in remaining if entry["name"] not in ordered]
    return list(ordered.values())


def _inbound(entry: Json) -> list[str]:
    """Names of the layers whose output a layer takes."""
    nodes = entry["inbound_nodes"]
    if len(nodes) > 1:
        raise NetworkError(f"layer {entry['name']!r} is used {len(nodes)} times; accepted: once")
    if not nodes:
        return []
    if isinstance(nodes[0], dict):
        _check_keywords(entry["name"], nodes[0].get("kwargs") or {})
        return _references(nodes[0]["args"])
    tensors = [nodes[0]] if isinstance(nodes[0][0], str) else nodes[0]
    for tensor in tensors:
        _check_keywords(entry["name"], tensor[3] if len(tensor) > 3 else {})
    return _references(tensors)


def _check_keywords(name: str, keywords: Json) -> None:
    """Keras 3 passes masks as `mask`, which the translation makes itself; other tensors would be left out."""
    for key, value in keywords.items():
        if key != "mask" and isinstance(value, (dict, list)):
            raise NetworkError(f"layer {name!r} takes {key} from another layer; accepted: inputs alone")


def _references(value: Any) -> list[str]:
    """Layer names in what Keras writes for tensors: ["dense", 0, 0], a dict of Keras 3, or a list of either."""
    if isinstance(value, dict):
        history = value["config"]["keras_history"] if "config" in value else list(value.values())
        return _references(history)
    if not isinstance(value, list) or not value:
        return []
    if isinstance(value[0], str):
        if value[2] != 0:
            raise NetworkError(f"a state of layer {value[0]!r} is used; accepted: its output alone")
        return [value[0]]
    return [name for item in value for name in _references(item)]


def _modern(kind: str, options: Json, keras: int) -> tuple[str, Json]:
    """A layer's kind and options in the words of Keras 3, where the translation reads them."""
    if keras == 1:
        options = {_OPTIONS.get(key, key): value for key, value in options.items()}
        kind = _KINDS.get(kind, kind)
    if kind == "Merge":
        kind = _MERGE_MODES.get(options["mode"], f"Merge of mode {options['mode']!r}")
    options = {key: _activation(value, keras) if "activation" in key else value for key, value in options.items()}
    for key in ("layer", "backward_layer"):
        if isinstance(options.get(key), dict):
            inner_kind, inner = _modern(_kind(options[key]), options[key]["config"], keras)
            options[key] = {"class_name": inner_kind, "config": inner}
    if keras < 3 and kind in _MERGE_MODES.values():
        options["masks_of_keras_2"] = True
    return kind, options


def _activation(value: Any, keras: int) -> Any:
    """An activation's name; what is no function of Keras's own stays as it is."""
    if isinstance(value, dict) and value.get("class_name") == "function":
        value = value["config"]
    return OLD_HARD_SIGMOID if value == "hard_sigmoid" and keras < 3 else value


def weight_counts(kind: str, options: Json) -> tuple[int, int] | None:
    """How many trainable and other arrays a layer has in Keras 2 and 3; None for layers that serving does not know."""
    bias = bool(options.get("use_bias", True))
    affine = bool(options.get("scale", True)) + bool(options.get("center", True))
    if kind == "TimeDistributed":
        return weight_counts(options["layer"]["class_name"], options["layer"]["config"])
    if kind == "Bidirectional":
        inner = [options["layer"], options.get("backward_layer") or options["layer"]]
        counts = [weight_counts(layer["class_name"], layer["config"]) or (0, 0) for layer in inner]
        return sum(count for count, _ in counts), 0
    if kind in ("LSTM", "GRU", "SimpleRNN", "CuDNNLSTM", "CuDNNGRU"):
        return 2 + bias, 0
    if kind in ("Dense", "Conv1D"):
        return 1 + bias, 0
    fixed = {
        "Embedding": (1, 0),
        "PReLU": (1, 0),
        "BatchNormalization": (affine, 2),
        "LayerNormalization": (affine, 0),
        "tweets>Pooling1D": (2 * ("attention" in options.get("kinds", ())), 0),
    }
    return fixed.get(kind)
