"""Reader of Keras `.h5` files, without Keras: layers in order, their options and weights. Runs nothing of them."""

import json
import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from serving.errors import NetworkError
from serving.model.keras_config import Json, Layer, Weights, major_version, read_architecture, weight_counts

# Bytes of the architecture, and of all weights together: far above any network that a tweet needs.
MAX_CONFIG = 1024 * 1024
MAX_WEIGHTS = 128 * 1024**2

HDF5 = b"\x89HDF\r\n\x1a\n"
MAX_HEAP_OBJECTS = 100_000
HEAP = b"GCOL\x01\0\0\0"
WEIGHTS = "model_weights"

_LOST = "files of Keras 3.0 to 3.2 can have lost some: save the network with another version"


def read_layers(path: Path) -> list[Layer]:
    """The layers of a Sequential or Functional network saved as `.h5` by Keras 1 to 3, each after its inputs.

    Raises:
        NetworkError: the file is missing, cut off, or holds something else; the sentence names it and a way out.
    """
    with opened(path) as file:
        layers = read_architecture(read_config(file), read_version(file))
        return with_weights(layers, legacy_arrays(file[WEIGHTS], path), read_version(file))


def read_version(file: h5py.File) -> str:
    """The version of Keras that wrote a file; the first ones did not say, nor does Keras 3 of weights alone."""
    if "keras_version" not in file.attrs:
        return "3.0" if "layers" in file else "1.0"
    return _text(_attribute(file, "keras_version"))


def read_config(file: h5py.File) -> Json:
    """The architecture in a file, as `model.to_json()` would write it.

    Raises:
        NetworkError: there is none, or it is too large.
    """
    if "model_config" not in file.attrs:
        raise NetworkError(
            "holds no architecture; accepted: what model.save() writes, or weights alone to `python -m serving adopt` "
            "with --architecture and the file that model.to_json() gives"
        )
    content = _attribute(file, "model_config")
    if not isinstance(content, (str, bytes)) or len(content) > MAX_CONFIG:
        raise NetworkError(f"its architecture is no text of at most {MAX_CONFIG:,} bytes")
    config: Json = json.loads(content)
    return config


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file, to be read.

    Raises:
        NetworkError: also for whatever goes wrong while it is read; the sentence names the file.
    """
    try:
        check_head(path)
        _check_heaps(path)
        with h5py.File(path, "r") as file:
            yield file
    except NetworkError as error:
        raise NetworkError(f"{path.name}: {error}") from error
    except FileNotFoundError as error:
        raise NetworkError(f"{path.name}: is missing") from error
    except (
        OSError, KeyError, ValueError, TypeError, IndexError, AttributeError, RecursionError, RuntimeError,
    ) as error:  # fmt: skip
        raise NetworkError(f"{path.name}: is cut off or not a Keras network: {error}") from error
    except MemoryError as error:
        raise NetworkError(f"{path.name}: takes more memory to read than there is for it") from error


def check_head(path: Path) -> None:
    """Tell apart what people take for an `.h5` by its first bytes.

    Raises:
        NetworkError: it is no HDF5; the sentence does not name the file.
    """
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"version https://git-lfs"):
        raise NetworkError("is a Git LFS pointer, not the network itself: run `git lfs pull` where it came from")
    if not head:
        raise NetworkError("is empty or was cut off: copy or download it again")
    if head.startswith(b"PK\x03\x04"):
        raise NetworkError("is a zip, as a .keras file is; accepted: HDF5, which `python -m serving adopt` makes of it")
    if not head.startswith(HDF5):
        kind = "a text" if head.isascii() and b"\0" not in head else "no HDF5"
        raise NetworkError(f"is {kind}, not a Keras network; accepted: what model.save() writes")


def _check_heaps(path: Path) -> None:
    """Refuse a file that would keep the HDF5 library in a circle, by the sizes in its heaps of texts.

    Source: HDF5 File Format Specification 3.0, III.E (global heap): a collection is GCOL, a version, three zero bytes
    and its size; then objects, each an index, a count and a size. The free space has index 0, and counts its head.
    """
    objects = 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = content.find(HEAP)
        while start >= 0:
            end = start + int.from_bytes(content[start + 8 : start + 16], "little")
            position = start + 16
            while position + 16 <= min(end, len(content)):
                index = int.from_bytes(content[position : position + 2], "little")
                size = int.from_bytes(content[position + 8 : position + 16], "little")
                step = 16 + (size + 7) // 8 * 8 if index else size
                if step < 16 or position + step > end:
                    raise NetworkError("is broken: an object in a heap of its texts has an impossible size")
                position, objects = position + step, objects + 1
                if objects > MAX_HEAP_OBJECTS:
                    raise NetworkError(f"has more than {MAX_HEAP_OBJECTS:,} texts in its heaps; Keras writes a few")
            start = content.find(HEAP, start + 1)


def names_in(group: h5py.Group, key: str) -> list[str]:
    """The names that an attribute of a group holds; older files have them as bytes. Empty where there is none."""
    return [_text(name) for name in _attribute(group, key)] if key in group.attrs else []


def _attribute(item: h5py.Group, key: str) -> Any:
    attribute = item.attrs.get_id(key)
    if attribute.get_space().get_simple_extent_npoints() * attribute.get_type().get_size() > MAX_CONFIG:
        raise NetworkError(f"its {key} has more than {MAX_CONFIG:,} bytes, the most that is accepted")
    return item.attrs[key]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def with_weights(layers: list[Layer], arrays_of: Callable[[Layer], Weights], version: str) -> list[Layer]:
    """The layers with their arrays, which are grouped as in an `.h5`.

    Args:
        layers: as `read_architecture` returns them.
        arrays_of: the arrays of the group that a layer is in.
        version: of the Keras that wrote the arrays.

    Raises:
        NetworkError: there are fewer or more arrays than a layer has.
    """
    groups: dict[str, list[Layer]] = {}
    for layer in layers:
        groups.setdefault(layer.group, []).append(layer)
    weights: dict[str, Weights] = {}
    for group in groups.values():
        weights |= _distributed(group, arrays_of(group[0]), major_version(version))
    return checked([replace(layer, weights=weights[layer.name]) for layer in layers])


def checked(layers: list[Layer]) -> list[Layer]:
    """The layers, if each has as many arrays as it needs.

    Raises:
        NetworkError: one has fewer or more.
    """
    if not any(layer.weights for layer in layers):
        raise NetworkError(f"holds an architecture and no weights: build the network before it is saved; {_LOST}")
    for layer in layers:
        count = sum(weight_counts(layer.kind, layer.options) or (0, 0))
        if count and len(layer.weights) != count:
            raise NetworkError(f"layer {layer.name!r} has {len(layer.weights)} arrays, not {count}; {_LOST}")
    return layers


def _distributed(layers: list[Layer], arrays: Weights, keras: int) -> dict[str, Weights]:
    """A group's arrays by the name of the layer; a nested model has all its trainable ones first."""
    if len(layers[0].place) == 1:
        return {layers[0].name: _of_keras_2(layers[0].kind, layers[0].options, arrays) if keras == 1 else arrays}
    counts = [trainable_counts(layer) for layer in layers]
    remaining = iter(arrays)
    trainable, others = ([list(islice(remaining, count)) for count in part] for part in zip(*counts, strict=True))
    return {layer.name: first + then for layer, first, then in zip(layers, trainable, others, strict=True)}


def trainable_counts(layer: Layer) -> tuple[int, int]:
    """How many trainable and other arrays a layer of a nested model has: none are trainable where it is frozen."""
    trainable, others = weight_counts(layer.kind, layer.options) or (0, 0)
    return (trainable, others) if layer.options.get("trainable", True) else (0, trainable + others)


def _of_keras_2(kind: str, options: Json, arrays: Weights) -> Weights:
    """A layer's arrays of Keras 1 as Keras 2 keeps them: a recurrent layer's gates side by side in one array."""
    if kind in ("Bidirectional", "TimeDistributed"):
        inner, parts = options["layer"], 2 if kind == "Bidirectional" else 1
        half = len(arrays) // parts
        halves = [arrays[i * half : (i + 1) * half] for i in range(parts)]
        return [array for part in halves for array in _of_keras_2(inner["class_name"], inner["config"], part)]
    if kind in _GATES and len(arrays) == 3 * len(_GATES[kind]):
        # Each gate has its kernel, its recurrent kernel and its bias.
        return [np.concatenate([arrays[3 * gate + i] for gate in _GATES[kind]], axis=-1) for i in range(3)]
    if kind == "Conv1D" and arrays and arrays[0].ndim == 4:
        kernel = arrays[0]
        if kernel.shape[1] != 1:  # (filters, channels, width, 1), as Theano had it
            kernel = kernel.transpose(2, 3, 1, 0)
        return [kernel[:, 0], *arrays[1:]]
    return arrays


# From the order of gates in Keras 1, i c f o and z r h, to that of Keras 2, i f c o and z r h.
_GATES = {"LSTM": (0, 2, 1, 3), "GRU": (0, 1, 2)}


def legacy_arrays(groups: h5py.Group, path: Path) -> Callable[[Layer], Weights]:
    """A reader of the arrays of a layer in groups that are named like layers, as in an `.h5` of any Keras."""
    reader = ArrayReader(path.stat().st_size)

    def arrays_of(layer: Layer) -> Weights:
        group = reader.member(groups, layer.group)
        if group is None:
            return []
        names = names_in(group, "weight_names")
        if len(set(names)) < len(names):
            raise NetworkError(f"layer {layer.group!r} has two arrays of one name; {_LOST}")
        return [reader.read(reader.member(group, name)) for name in names]

    return arrays_of


class ArrayReader:
    """Reader of the arrays of a file. It holds each once, so that all that is read is no more than the file itself.

    Args:
        file_size: in bytes.
    """

    def __init__(self, file_size: int) -> None:
        self._remaining_bytes = min(file_size, MAX_WEIGHTS)

    def member(self, group: h5py.Group, name: str) -> Any:
        """What a group holds under a name, or None. Never follows a link out of the file, or in a circle."""
        for part in name.split("/"):
            link = group.get(part, getlink=True)
            if link is None:
                return None
            if not isinstance(link, h5py.HardLink):
                raise NetworkError(f"{name!r} is a link; accepted: what the file itself holds")
            group = group[part]
        return group

    def read(self, dataset: Any) -> npt.NDArray[np.float32]:
        """One array.

        Raises:
            NetworkError: it is anything but a plain array that the file itself holds.
        """
        if not isinstance(dataset, h5py.Dataset) or dataset.dtype != np.float32:
            raise NetworkError(f"{getattr(dataset, 'name', 'a weight')} is not a float32 array")
        # Keras writes weights as they are: a filter could make gigabytes of a few bytes, or call a plug-in.
        if dataset.external or dataset.is_virtual or dataset.id.get_create_plist().get_nfilters():
            raise NetworkError(f"{dataset.name} is kept elsewhere or compressed; accepted: plain arrays")
        excess = dataset.nbytes - self._remaining_bytes
        if excess > 0:
            raise NetworkError(
                f"{dataset.name} is {excess:,} bytes more than the file holds beside its other weights, or than "
                f"{MAX_WEIGHTS:,} with them"
            )
        self._remaining_bytes -= dataset.nbytes
        array: npt.NDArray[np.float32] = dataset[()]
        if not np.isfinite(array).all():
            raise NetworkError(f"{dataset.name} has values that are not finite")
        return array
