"""Reader of Keras `.h5` files, without Keras: layers in order, their options and weights. Runs nothing of them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from serving.errors import NetworkError

Weights = list[npt.NDArray[np.float32]]

# Bytes of the architecture, and of all weights together: far above any network that a tweet needs.
MAX_CONFIG = 1024 * 1024
MAX_WEIGHTS = 128 * 1024**2


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a network.

    Attributes:
        kind: its Keras class, such as `LSTM` or `tweets>Pooling1D`.
        name: by which other layers' `inputs` refer to it.
        options: its Keras configuration.
        inputs: names of the layers whose outputs it takes.
        weights: float32 arrays, in Keras's order.
    """

    kind: str
    name: str
    options: dict[str, Any]
    inputs: list[str]
    weights: Weights


def read_layers(path: Path) -> list[Layer]:
    """The layers of a Keras 3 Sequential or Functional network saved as `.h5`, each after its inputs.

    Raises:
        NetworkError: the file is missing, cut off, not from Keras 3, or holds something else; the sentence names it.
    """
    try:
        with h5py.File(path, "r") as file:
            weights = _Weights(file, path)
            layers = [_layer(weights, *entry) for entry in _entries(_config(file, path), path)]
    except NetworkError:
        raise
    except FileNotFoundError as error:
        raise NetworkError(f"{path.name}: is missing") from error
    except (OSError, KeyError, ValueError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise NetworkError(f"{path.name}: is cut off or not a Keras network: {error}") from error
    return layers


def _config(file: h5py.File, path: Path) -> dict[str, Any]:
    if "model_config" not in file.attrs:
        raise NetworkError(
            f"{path.name}: holds no architecture; accepted: model.save() of Keras 3, not its weights alone"
        )
    if not str(file.attrs.get("keras_version", "")).startswith("3."):
        version = file.attrs.get("keras_version", "no version")
        raise NetworkError(f"{path.name}: was saved by Keras {version}; accepted: 3.x")
    size = file.attrs.get_id("model_config").get_storage_size()
    content = file.attrs["model_config"]
    if not isinstance(content, str) or max(size, len(content)) > MAX_CONFIG:
        raise NetworkError(f"{path.name}: its architecture is no text of at most {MAX_CONFIG:,} bytes")
    config: dict[str, Any] = json.loads(content)
    return config


def _entries(config: dict[str, Any], path: Path) -> Iterator[tuple[dict[str, Any], list[str]]]:
    layers = config["config"]["layers"]
    if config["class_name"] == "Functional":
        yield from ((layer, _inbound(layer)) for layer in _ordered(layers))
    elif config["class_name"] == "Sequential":
        names = [layer["config"]["name"] for layer in layers]
        yield from ((layer, names[max(0, i - 1) : i]) for i, layer in enumerate(layers))
    else:
        raise NetworkError(f"{path.name}: is a {config['class_name']}; accepted: Sequential, Functional")


def _ordered(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The layers so that each comes after its inputs."""
    ordered: dict[str, dict[str, Any]] = {}
    remaining = layers
    while remaining:
        ready = [layer for layer in remaining if all(name in ordered for name in _inbound(layer))]
        if not ready:
            raise ValueError(f"layers without a way in: {[layer['name'] for layer in remaining]}")
        ordered.update((layer["name"], layer) for layer in ready)
        remaining = [layer for layer in remaining if layer["name"] not in ordered]
    return list(ordered.values())


def _inbound(layer: dict[str, Any]) -> list[str]:
    """Names of the layers whose output this one takes; masks, passed by keyword, are not among them."""
    nodes = layer["inbound_nodes"]
    if len(nodes) > 1:
        raise ValueError(f"layer {layer['name']!r} is used {len(nodes)} times")
    arguments = nodes[0]["args"] if nodes else []
    flat = [item for a in arguments for item in (a if isinstance(a, list) else [a])]
    return [item["config"]["keras_history"][0] for item in flat if isinstance(item, dict)]


def _layer(weights: "_Weights", entry: dict[str, Any], inputs: list[str]) -> Layer:
    kind = entry.get("registered_name") or entry["class_name"]
    name = entry["config"]["name"] if "name" in entry["config"] else entry["name"]
    return Layer(kind, name, entry["config"], inputs, weights.of_layer(name))


class _Weights:
    """The arrays of a file. It holds each once, so that all that is read of it is no more than the file itself."""

    def __init__(self, file: h5py.File, path: Path) -> None:
        self._file, self._path = file, path
        self._remaining_bytes = min(path.stat().st_size, MAX_WEIGHTS)

    def of_layer(self, name: str) -> Weights:
        """Raises NetworkError where there is anything but plain arrays that the file itself holds."""
        group = self._member(self._file["model_weights"], name)
        if group is None:
            return []
        return [self._array(self._member(group, weight)) for weight in group.attrs["weight_names"]]

    def _member(self, group: h5py.Group, name: str | bytes) -> Any:
        """What a group holds under a name, or None. Never follows a link out of the file, or in a circle."""
        for part in (name.decode() if isinstance(name, bytes) else str(name)).split("/"):
            link = group.get(part, getlink=True)
            if link is None:
                return None
            if not isinstance(link, h5py.HardLink):
                raise self._refused(f"{name!r} is a link; accepted: what the file itself holds")
            group = group[part]
        return group

    def _array(self, dataset: Any) -> npt.NDArray[np.float32]:
        if not isinstance(dataset, h5py.Dataset) or dataset.dtype != np.float32:
            raise self._refused(f"{getattr(dataset, 'name', 'a weight')} is not a float32 array")
        # Keras writes weights as they are: a filter could make gigabytes of a few bytes, or call a plug-in.
        if dataset.external or dataset.is_virtual or dataset.id.get_create_plist().get_nfilters():
            raise self._refused(f"{dataset.name} is kept elsewhere or compressed; accepted: plain arrays")
        excess = dataset.nbytes - self._remaining_bytes
        if excess > 0:
            raise self._refused(
                f"{dataset.name} is {excess:,} bytes more than the file holds beside its other weights, or than "
                f"{MAX_WEIGHTS:,} with them"
            )
        self._remaining_bytes -= dataset.nbytes
        array: npt.NDArray[np.float32] = dataset[()]
        if not np.isfinite(array).all():
            raise self._refused(f"{dataset.name} has values that are not finite")
        return array

    def _refused(self, fault: str) -> NetworkError:
        return NetworkError(f"{self._path.name}: {fault}")
