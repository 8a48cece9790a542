"""Files that others keep their networks in: read as Keras reads them, or refused with the way out."""

import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from serving.adopt.conversion import convert, load_network
from serving.adopt.keras_files import read_keras_file, write_h5
from serving.errors import NetworkError
from serving.model.network import Network
from tests.bundles import ANSWERS, NETWORKS, OTHERS

CASES: dict[str, dict[str, Any]] = json.loads((OTHERS / ANSWERS).read_text(encoding="utf-8"))


def check(network: Network, name: str) -> None:
    case = CASES[name]
    ids = np.array(case["ids"], np.int32)
    answers = network.run(ids, np.full(len(ids), ids.shape[1], np.int32))
    assert np.abs(answers[:, 1:] - np.array(case["probabilities"])).max() <= 1e-5
    assert np.abs(answers.sum(1) - 1).max() <= 1e-6
    assert (network.end, network.classes, network.steps) == ("sigmoid", 2, ids.shape[1])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("suffix", [".h5", ".keras", ".weights.h5"])
def test_every_kind_of_file_answers_as_keras(name: str, suffix: str) -> None:
    entry = {"architecture_file": f"{name}.json"} if suffix == ".weights.h5" else {}
    check(load_network(OTHERS / f"{name}{suffix}", entry), name)


@pytest.mark.parametrize("name", CASES)
def test_what_was_written_is_what_was_read(tmp_path: Path, name: str) -> None:
    network = read_keras_file(OTHERS / f"{name}.h5")
    write_h5(network, tmp_path / "again.h5")
    again = read_keras_file(tmp_path / "again.h5")
    assert (again.version, again.architecture) == (network.version, network.architecture)
    for layer, other in zip(network.layers, again.layers, strict=True):
        assert layer.name == other.name
        assert all(np.array_equal(*pair) for pair in zip(layer.weights, other.weights, strict=True))
    check(Network(tmp_path / "again.h5"), name)


def test_an_architecture_made_in_another_session_has_other_names(tmp_path: Path) -> None:
    text = (OTHERS / "keras2.json").read_text(encoding="utf-8")
    (tmp_path / "model.json").write_text(json.dumps(text.replace('"dense', '"other_dense')), encoding="utf-8")
    shutil.copy(legacy_weights(tmp_path), tmp_path / "weights.h5")
    check(load_network(tmp_path / "weights.h5", {"architecture_file": "model.json"}), "keras2")


def legacy_weights(folder: Path) -> Path:
    """Weights alone, as Keras 2 saves them where the name does not end in .weights.h5."""
    with h5py.File(OTHERS / "keras2.h5") as whole, h5py.File(folder / "legacy.h5", "w") as weights:
        for name in whole["model_weights"]:
            whole.copy(f"model_weights/{name}", weights)
        for key in ("layer_names", "keras_version", "backend"):
            weights.attrs[key] = whole["model_weights"].attrs[key]
    return folder / "legacy.h5"


def test_weights_of_another_architecture(tmp_path: Path) -> None:
    architecture = json.loads((OTHERS / "keras2.json").read_text(encoding="utf-8"))
    layers = architecture["config"]["layers"]
    layers[-1]["config"]["name"] = layers[-1]["name"] = "more"
    del layers[1]
    for layer in layers:
        layer["inbound_nodes"] = json.loads(json.dumps(layer["inbound_nodes"]).replace("embedding", "input_1"))
    (tmp_path / "model.json").write_text(json.dumps(architecture), encoding="utf-8")
    with pytest.raises(NetworkError, match=r"legacy\.h5: "):
        load_network(legacy_weights(tmp_path), {"architecture_file": "model.json"})


def zipped(folder: Path, members: dict[str, bytes] | None = None) -> Path:
    """A copy of a .keras file, some of whose members are others."""
    with zipfile.ZipFile(OTHERS / "keras3.keras") as archive:
        content = {name: archive.read(name) for name in archive.namelist()} | (members or {})
    with zipfile.ZipFile(folder / "network.keras", "w") as archive:
        for name, value in content.items():
            archive.writestr(name, value)
    return folder / "network.keras"


def test_a_zip_saved_on_windows(tmp_path: Path) -> None:
    with zipfile.ZipFile(OTHERS / "keras3.keras") as archive:
        weights = archive.read("model.weights.h5")
    buffer = io.BytesIO()
    with h5py.File(io.BytesIO(weights)) as file, h5py.File(buffer, "w") as target:
        names: list[str] = []
        file.visit(names.append)
        for name in names:
            if isinstance(file[name], h5py.Dataset):
                target[name.replace("/", "\\").replace("\\vars\\", "/vars/")] = file[name][()]
    path = zipped(tmp_path, {"model.weights.h5": buffer.getvalue()})
    check(load_network(path, {}), "keras3")


VECTORIZATION = {
    "class_name": "TextVectorization",
    "config": {"name": "words", "vocabulary": None, "output_sequence_length": 7, "output_mode": "int"},
    "name": "words",
    "inbound_nodes": [],
}


@pytest.mark.parametrize("inline", [True, False])
def test_the_words_of_a_text_vectorization(tmp_path: Path, inline: bool) -> None:
    words = ["", "[UNK]", "good", "bad"]
    config = {"vocabulary": words} if inline else {"vocabulary": None}
    layer = VECTORIZATION | {"config": VECTORIZATION["config"] | config}  # type: ignore[operator]
    path = with_vectorization(tmp_path, layer, None if inline else words)
    vectorization = convert(path, tmp_path / "network.h5").text_vectorization
    assert vectorization is not None
    assert vectorization.vocabulary == words
    assert vectorization.options["output_sequence_length"] == 7
    check(load_network(path, {}), "keras3")


def with_vectorization(folder: Path, layer: dict[str, Any], words: list[str] | None) -> Path:
    """A .keras file with that layer between the input and the rest."""
    with zipfile.ZipFile(OTHERS / "keras3.keras") as archive:
        model = json.loads(archive.read("config.json"))
        weights = archive.read("model.weights.h5")
        metadata = archive.read("metadata.json")
    layers = model["config"]["layers"]
    first = layers[0]["name"]
    for other in layers[1:]:
        other["inbound_nodes"] = json.loads(json.dumps(other["inbound_nodes"]).replace(f'"{first}"', '"words"'))
    tensor = {"class_name": "__keras_tensor__", "config": {"keras_history": [first, 0, 0]}}
    layers.insert(1, layer | {"inbound_nodes": [{"args": [tensor], "kwargs": {}}]})
    with zipfile.ZipFile(folder / "network.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(model))
        archive.writestr("metadata.json", metadata)
        archive.writestr("model.weights.h5", weights)
        if words is not None:
            archive.writestr("assets/layers/words/vocabulary.txt", "\r\n".join(words))
    return folder / "network.keras"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty or was cut off: copy or download it again"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:5e\nsize 9\n", "is a Git LFS pointer.*git lfs pull"),
        (b"# the model goes here\n", "is a text, not a Keras network; accepted: what model.save"),
        (b"\x80\x04\x95\x00\x00", "is no HDF5, not a Keras network"),
        (b"PK\x03\x04 and no end", "was cut off, or lists far more than a .keras file does"),
        (b"\x89HDF\r\n\x1a\n", "is cut off or not a Keras network"),
    ],
)
def test_what_is_no_network(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "model.h5").write_bytes(content)
    with pytest.raises(NetworkError, match=rf"model\.h5: {sentence}"):
        read_keras_file(tmp_path / "model.h5")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"model\.keras: is missing"):
        read_keras_file(tmp_path / "model.keras")


def test_a_folder_as_tensorflow_saves_it(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="is a folder, as a SavedModel is"):
        read_keras_file(tmp_path)


def test_weights_alone() -> None:
    with pytest.raises(NetworkError, match=r"keras3\.weights\.h5: holds no architecture.*--architecture"):
        read_keras_file(OTHERS / "keras3.weights.h5")


@pytest.mark.parametrize("content", ["", "[1]", "7", "[" * 100_000])
def test_an_architecture_that_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "model.json").write_text(content, encoding="utf-8")
    with pytest.raises(NetworkError, match=r"model\.json: (is not the JSON|holds a)"):
        read_keras_file(OTHERS / "keras3.weights.h5", tmp_path / "model.json")


def test_weights_that_were_lost(tmp_path: Path) -> None:
    path = Path(shutil.copy(OTHERS / "keras3.h5", tmp_path / "model.h5"))
    with h5py.File(path, "a") as file:
        for group in file["model_weights"].values():
            group.attrs["weight_names"] = []
    with pytest.raises(NetworkError, match="holds an architecture and no weights: build the network before"):
        read_keras_file(path)


def test_half_of_a_bidirectional_that_was_lost(tmp_path: Path) -> None:
    path = Path(shutil.copy(OTHERS / "keras3.h5", tmp_path / "model.h5"))
    with h5py.File(path, "a") as file:
        group = next(group for name, group in file["model_weights"].items() if "bidirectional" in name)
        group.attrs["weight_names"] = group.attrs["weight_names"][:3]
    with pytest.raises(NetworkError, match=r"layer 'bidirectional.*' has 3 arrays, not 6; files of Keras 3\.0 to 3\.2"):
        read_keras_file(path)


def test_arrays_of_a_bidirectional_under_one_name(tmp_path: Path) -> None:
    path = Path(shutil.copy(OTHERS / "keras3.h5", tmp_path / "model.h5"))
    with h5py.File(path, "a") as file:
        group = next(group for name, group in file["model_weights"].items() if "bidirectional" in name)
        group.attrs["weight_names"] = [*group.attrs["weight_names"][:3]] * 2
    with pytest.raises(NetworkError, match=r"has two arrays of one name; files of Keras 3\.0 to 3\.2"):
        read_keras_file(path)


@pytest.mark.parametrize(
    ("member", "content", "sentence"),
    [
        ("config.json", b" " * 1_100_000, r"its config\.json has 1,100,000 bytes; accepted: at most 1,048,576"),
        ("metadata.json", b" " * 70_000, r"its metadata\.json has 70,000 bytes"),
        ("metadata.json", b"{}", "is cut off or not a .keras file"),
        ("config.json", b"[" * 100_000, "is cut off or not a .keras file"),
        ("model.weights.h5", b"no HDF5", r"model\.weights\.h5: is a text, not a Keras network"),
    ],
)
def test_a_zip_with_other_content(tmp_path: Path, member: str, content: bytes, sentence: str) -> None:
    with pytest.raises(NetworkError, match=rf"network\.keras: {sentence}"):
        read_keras_file(zipped(tmp_path, {member: content}))


def test_a_zip_that_unpacks_to_more_than_is_accepted(tmp_path: Path) -> None:
    """Half a gigabyte of zeros: refused by what its entry says, before any is unpacked."""
    path = zipped(tmp_path)
    content = path.read_bytes()
    size = len(zipfile.ZipFile(path).read("model.weights.h5")).to_bytes(4, "little")
    path.write_bytes(content.replace(size * 2, (600 * 1024**2).to_bytes(4, "little") * 2))
    with pytest.raises(
        NetworkError, match=r"its model\.weights\.h5 has 629,145,600 bytes; accepted: at most 536,870,912"
    ):
        read_keras_file(path)


def test_a_zip_with_more_words_than_are_accepted(tmp_path: Path) -> None:
    path = with_vectorization(tmp_path, VECTORIZATION, [""] * 1_000_002)
    with pytest.raises(NetworkError, match=r"vocabulary\.txt has more than 1,000,000 lines"):
        read_keras_file(path)


def test_a_zip_whose_list_of_contents_is_huge(tmp_path: Path) -> None:
    path = zipped(tmp_path)
    content = path.read_bytes()
    start = content.rindex(b"PK\x05\x06") + 12
    path.write_bytes(content[:start] + (2**31).to_bytes(4, "little") + content[start + 4 :])
    with pytest.raises(NetworkError, match=r"lists far more than a \.keras file does"):
        read_keras_file(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_zip_that_is_cut_off(tmp_path: Path, share: float) -> None:
    content = (OTHERS / "keras2.keras").read_bytes()
    (tmp_path / "model.keras").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(NetworkError, match=r"model\.keras: "):
        read_keras_file(tmp_path / "model.keras")


def test_a_lambda_is_refused_by_name_and_not_run(tmp_path: Path) -> None:
    text = zipfile.ZipFile(OTHERS / "keras3.keras").read("config.json").decode()
    path = zipped(tmp_path, {"config.json": text.replace('"GlobalMaxPooling1D"', '"Lambda"').encode()})
    with pytest.raises(NetworkError, match=r"network\.keras: layer 'global_max_pooling1d.*' is a Lambda; accepted: "):
        load_network(path, {})


def test_a_bundles_own_network_is_read_too(tmp_path: Path) -> None:
    write_h5(read_keras_file(NETWORKS / "trained.h5"), tmp_path / "again.h5")
    ids = np.array([[3, 4, 5, 0]], np.int32)
    lengths = np.array([3], np.int32)
    first, again = (Network(path).run(ids, lengths) for path in (NETWORKS / "trained.h5", tmp_path / "again.h5"))
    assert np.array_equal(first, again)
