"""Reader of the files that people keep Keras networks in, and their writer as the `.h5` of a bundle.

Accepted are an `.h5` of Keras 1 to 3, a `.keras` zip, and weights with the JSON of their architecture. Nothing in them
is executed, and no name in them is used as a path.
"""

import json
import re
import shutil
import tempfile
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import h5py

from serving.adopt.tokenizers import MAX_WORDS
from serving.errors import NetworkError
from serving.model.keras_config import Json, Layer, Weights, read_architecture, weight_counts
from serving.model.keras_h5 import (
    MAX_CONFIG,
    WEIGHTS,
    ArrayReader,
    checked,
    legacy_arrays,
    names_in,
    opened,
    read_config,
    read_version,
    trainable_counts,
    with_weights,
)

# Bytes of a file, and of what is unpacked of a zip: weights that are accepted, three times as an optimizer keeps them.
MAX_FILE = 1024**3
MAX_UNPACKED = {"config.json": MAX_CONFIG, "metadata.json": 64 * 1024, "model.weights.h5": 512 * 1024**2}
MAX_VOCABULARY = 16 * 1024**2
MAX_DIRECTORY = 1024**2  # of a zip's list of contents: of a thousand files and more
MAX_OBJECTS = 100_000  # groups and arrays in one file; each layer has a few

# How Keras names the group of a model's layers; the second: 2.12 to 2.14.
CONTAINERS = ("layers/", "_layer_checkpoint_dependencies/")


@dataclass(frozen=True, slots=True)
class TextVectorization:
    """The tokenizer that a network brings along.

    Attributes:
        vocabulary: tokens in the order of their ids.
        options: the layer's Keras configuration.
    """

    vocabulary: list[str]
    options: Json


@dataclass(frozen=True, slots=True)
class KerasNetwork:
    """A network as plain data.

    Attributes:
        version: of the Keras that wrote it.
        architecture: `class_name` and `config`, as `model.to_json()` gives them.
        layers: in order, with their weights.
        text_vectorization: where the network takes texts and its file has the words.
    """

    version: str
    architecture: Json
    layers: list[Layer]
    text_vectorization: TextVectorization | None = None


def read_keras_file(path: Path, architecture: Path | None = None) -> KerasNetwork:
    """Read a network.

    Args:
        path: an `.h5`, a `.keras` file, or weights alone.
        architecture: what `model.to_json()` gave, for weights alone.

    Raises:
        NetworkError: the file is something else, or holds what serving does not read; the sentence names it, the fault
            and a way out.
    """
    if path.is_dir():
        raise NetworkError(f"{path.name}: is a folder, as a SavedModel is; accepted: what model.save('name.h5') writes")
    if path.exists() and path.stat().st_size > MAX_FILE:
        raise NetworkError(f"{path.name}: has more than {MAX_FILE:,} bytes, the most that is accepted")
    if _is_zip(path):
        return _read_zip(path)
    model = None if architecture is None else _read_json(architecture)
    with opened(path) as file:
        if model is None:
            model = read_config(file)
        version = str(model.get("keras_version") or read_version(file))
        layers = _filled(read_architecture(model, version), file, path, version)
    return KerasNetwork(version, model, layers, _inline_vectorization(layers))


def with_words(network: KerasNetwork, path: Path) -> KerasNetwork:
    """A network that was written from a file, with the words that a `.keras` file keeps beside its architecture."""
    if not _is_zip(path):
        return network
    with zipfile.ZipFile(path) as archive:
        return replace(network, text_vectorization=_vectorization(archive, network.layers))


def write_h5(network: KerasNetwork, path: Path) -> None:
    """Write a network as the `.h5` that serving reads: its architecture, its version and its weights, no more."""
    groups: dict[str, list[Layer]] = {}
    for layer in network.layers:
        groups.setdefault(layer.group, []).append(layer)
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({key: network.architecture[key] for key in ("class_name", "config")})
        file.attrs["keras_version"] = network.version
        weights = file.create_group(WEIGHTS)
        weights.attrs["layer_names"] = [name.encode() for name in groups]
        for name, layers in groups.items():
            arrays = _of_group(layers)
            group = weights.create_group(name)
            group.attrs["weight_names"] = [str(i).encode() for i in range(len(arrays))]
            for i, array in enumerate(arrays):
                group.create_dataset(str(i), data=array)


def _of_group(layers: list[Layer]) -> Weights:
    """The arrays of one layer, or of a nested model's, all trainable ones first, as Keras groups them."""
    if len(layers[0].place) == 1:
        return layers[0].weights
    counts = [trainable_counts(layer)[0] for layer in layers]
    trainable = [array for layer, n in zip(layers, counts, strict=True) for array in layer.weights[:n]]
    return trainable + [array for layer, n in zip(layers, counts, strict=True) for array in layer.weights[n:]]


def _filled(layers: list[Layer], file: h5py.File, path: Path, version: str) -> list[Layer]:
    """The layers with the weights of a file of any layout."""
    root = file.get(WEIGHTS, file)
    if "layer_names" not in root.attrs and WEIGHTS not in file:
        arrays_of = _arrays_by_place(file, path)
        return checked([replace(layer, weights=arrays_of(layer)) for layer in layers])
    filled = with_weights(_grouped_as_in(root, layers), legacy_arrays(root, path), version)
    return [replace(layer, weights=read.weights) for layer, read in zip(layers, filled, strict=True)]


def _grouped_as_in(root: h5py.Group, layers: list[Layer]) -> list[Layer]:
    """The layers with the file's names of their groups: by order, as Keras loads weights, where names differ.

    Keras numbers names through a session (`lstm_3`), so that an architecture that was made again has others.
    """
    needed = list(dict.fromkeys(layer.group for layer in layers if sum(weight_counts(layer.kind, layer.options) or ())))
    if all(name in root for name in needed):
        return layers
    filled = [name for name in names_in(root, "layer_names") if name in root and names_in(root[name], "weight_names")]
    if len(filled) != len(needed):
        raise NetworkError(f"has weights of {len(filled)} layers; accepted with this architecture: of {len(needed)}")
    renamed = dict(zip(needed, filled, strict=True))
    return [replace(layer, group=renamed.get(layer.group, layer.group)) for layer in layers]


def _arrays_by_place(file: h5py.File, path: Path) -> Callable[[Layer], Weights]:
    """A reader of a layer's arrays in the layout of `.keras` files, whose groups are numbered by class."""
    datasets, groups = _objects(file)
    reader = ArrayReader(path.stat().st_size)

    def arrays_of(layer: Layer) -> Weights:
        prefix = _group_of(layer, groups)
        names = [match for name in datasets if (match := re.fullmatch(rf"{re.escape(prefix)}(.*?)vars/(\d+)", name))]
        ordered = sorted(names, key=lambda match: ("backward" in match[1], match[1], int(match[2])))
        return [reader.read(datasets[match[0]]) for match in ordered if "seed_generator" not in match[1]]

    return arrays_of


def _objects(file: h5py.File) -> tuple[dict[str, h5py.Dataset], dict[str, set[str]]]:
    """The arrays of a file by their paths, and for each group the names in it. Follows no links.

    Keras on Windows wrote backslashes into the names of groups, so that one group holds what should be several.
    """
    datasets: dict[str, h5py.Dataset] = {}
    groups: dict[str, set[str]] = defaultdict(set)

    def visit(name: str, item: Any) -> bool | None:
        path = name.replace("\\", "/")
        if isinstance(item, h5py.Dataset):
            datasets[path] = item
        parts = path.split("/")
        for i, part in enumerate(parts):
            groups["".join(f"{parent}/" for parent in parts[:i])].add(part)
        return True if len(datasets) + len(groups) > MAX_OBJECTS else None

    if file.visititems(visit):
        raise NetworkError(f"holds more than {MAX_OBJECTS:,} groups and arrays, the most that is accepted")
    return datasets, groups


def _group_of(layer: Layer, groups: Mapping[str, set[str]]) -> str:
    """The path of a layer's group. Its number may skip some, but the order is that of the layers of its class."""
    path = ""
    for kind, place in layer.place:
        container = next((path + name for name in CONTAINERS if groups.get(path + name)), path + CONTAINERS[0])
        numbers = [
            int(match[1] or 0)
            for name in groups.get(container, ())
            if (match := re.fullmatch(rf"{kind}(?:_(\d+))?", name))
        ]
        if place >= len(numbers):
            return f"{container}?"
        number = sorted(numbers)[place]
        path = f"{container}{kind}_{number}/" if number else f"{container}{kind}/"
    return path


def _is_zip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False  # whoever reads it says so


def _read_zip(path: Path) -> KerasNetwork:
    try:
        _check_directory(path)
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
            model = json.loads(_content(archive, "config.json"))
            version = str(json.loads(_content(archive, "metadata.json"))["keras_version"])
            layers = read_architecture(model, version)
            weights = Path(folder) / "model.weights.h5"
            with _member(archive, weights.name) as source, weights.open("wb") as target:
                shutil.copyfileobj(source, target)
            with opened(weights) as file:
                arrays_of = _arrays_by_place(file, weights)
                layers = checked([replace(layer, weights=arrays_of(layer)) for layer in layers])
            return KerasNetwork(version, model, layers, _vectorization(archive, layers))
    except NetworkError as error:
        raise NetworkError(f"{path.name}: {error}") from error
    except (
        OSError, zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError, IndexError, AttributeError,
        RecursionError, RuntimeError, EOFError,
    ) as error:  # fmt: skip
        raise NetworkError(f"{path.name}: is cut off or not a .keras file: {error}") from error


def _check_directory(path: Path) -> None:
    """Refuse a zip by the size that the end of it gives for its list of contents, before that is read.

    Source: APPNOTE.TXT of PKWARE, 4.3.16; the record's comment may have 65,535 bytes.
    """
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 22 - 65535))
        tail = file.read()
    start = tail.rfind(b"PK\x05\x06")
    size = int.from_bytes(tail[start + 12 : start + 16], "little")
    if start < 0 or size > MAX_DIRECTORY:
        raise NetworkError("was cut off, or lists far more than a .keras file does: copy or download it again")


def _member(archive: zipfile.ZipFile, name: str, max_bytes: int | None = None) -> IO[bytes]:
    """A member of an archive, to be read: no more than the size that its entry gives, which is checked first."""
    limit = max_bytes or MAX_UNPACKED[name]
    size = archive.getinfo(name).file_size
    if size > limit:
        raise NetworkError(f"its {name} has {size:,} bytes; accepted: at most {limit:,}")
    return archive.open(name)


def _content(archive: zipfile.ZipFile, name: str, max_bytes: int | None = None) -> bytes:
    with _member(archive, name, max_bytes) as file:
        return file.read()


def _vectorization(archive: zipfile.ZipFile, layers: list[Layer]) -> TextVectorization | None:
    """A TextVectorization with the words of the archive, one a line, or those in its options."""
    inline = _inline_vectorization(layers)
    layer = next((layer for layer in layers if layer.kind == "TextVectorization"), None)
    name = next((name for name in archive.namelist() if name.endswith("vocabulary.txt")), None)
    if inline or layer is None or name is None:
        return inline
    content = _content(archive, name, MAX_VOCABULARY)
    if content.count(b"\n") >= MAX_WORDS:
        raise NetworkError(f"its {name} has more than {MAX_WORDS:,} lines, the most words that are accepted")
    return TextVectorization(content.decode().replace("\r\n", "\n").split("\n"), layer.options)


def _inline_vectorization(layers: list[Layer]) -> TextVectorization | None:
    layer = next((layer for layer in layers if layer.kind == "TextVectorization"), None)
    words = layer and layer.options.get("vocabulary")
    if layer is None or not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return None
    return TextVectorization(words, layer.options)


def _read_json(path: Path) -> Json:
    """What `model.to_json()` gave, also as JSON within JSON."""
    try:
        if path.stat().st_size > MAX_CONFIG:
            raise NetworkError(f"{path.name}: has more than {MAX_CONFIG:,} bytes, the most that is accepted")
        content = json.loads(path.read_bytes())
        model: Json = json.loads(content) if isinstance(content, str) else content
    except (OSError, ValueError, RecursionError) as error:
        raise NetworkError(f"{path.name}: is not the JSON that model.to_json() gives: {error}") from error
    if not isinstance(model, dict):
        raise NetworkError(f"{path.name}: holds a {type(model).__name__}; accepted: what model.to_json() gives")
    return model
