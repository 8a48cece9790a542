"""Files that were made to harm whoever opens them. Each is refused, in little memory, and runs nothing."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from serving.errors import BundleError, NetworkError
from serving.model.bundle import METADATA, NETWORK, TOKENIZER
from serving.model.keras_h5 import read_layers
from serving.model.predictor import Predictor
from tests.bundles import rehash

ROOT = Path(__file__).parents[3]
EMBEDDING = "model_weights/embedding"


def weight(file: h5py.File) -> tuple[h5py.Group, str]:
    group = file[EMBEDDING]
    return group, group.attrs["weight_names"][0]


def huge(file: h5py.File) -> None:
    group, name = weight(file)
    del group[name]
    group.create_dataset(name, shape=(2**40, 2**20), dtype=np.float32, chunks=(1024, 1024))


def repeated(file: h5py.File) -> None:
    """One array of 8 MB, a hundred times."""
    group, name = weight(file)
    del group[name]
    group.create_dataset(name, data=np.zeros((2048, 1024), np.float32))
    group.attrs["weight_names"] = [name] * 100


def repeated_layer(file: h5py.File) -> None:
    repeated(file)
    group, name = weight(file)
    group.attrs["weight_names"] = [name]
    config = json.loads(file.attrs["model_config"])
    layers = config["config"]["layers"]
    layers[1:] = [next(layer for layer in layers if layer["config"]["name"] == "embedding")] * 100
    file.attrs["model_config"] = json.dumps(config)


def bomb(file: h5py.File) -> None:
    group, name = weight(file)
    del group[name]
    group.create_dataset(name, data=np.zeros((4096, 4096), np.float32), compression="gzip", compression_opts=9)


def external_file(file: h5py.File) -> None:
    group, name = weight(file)
    del group[name]
    group.create_dataset(name, shape=(4, 4), dtype=np.float32, external=[("/etc/passwd", 0, 64)])


def external_link(file: h5py.File) -> None:
    group, name = weight(file)
    del group[name]
    group[name] = h5py.ExternalLink("/etc/passwd", "/x")


def virtual(file: h5py.File) -> None:
    group, name = weight(file)
    del group[name]
    layout = h5py.VirtualLayout(shape=(4, 4), dtype=np.float32)
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=(4, 4))
    group.create_virtual_dataset(name, layout)


def loop(file: h5py.File) -> None:
    group, name = weight(file)
    del group[name]
    group[name] = h5py.SoftLink(f"/{EMBEDDING}/{name}")


def linked_layer(file: h5py.File) -> None:
    del file[EMBEDDING]
    file[EMBEDDING] = h5py.SoftLink("/model_weights")


def a_group(file: h5py.File) -> None:
    group, name = weight(file)
    del group[name]
    group.create_group(name)


def objects(file: h5py.File) -> None:
    group, name = weight(file)
    del group[name]
    group.create_dataset(name, data=["cos\nsystem\n(S'true'\ntR."], dtype=h5py.string_dtype())


def deep(file: h5py.File) -> None:
    file.attrs["model_config"] = "[" * 30_000


def long(file: h5py.File) -> None:
    del file.attrs["model_config"]
    file.attrs.create("model_config", "x" * 2_000_000, dtype=h5py.string_dtype())


def not_text(file: h5py.File) -> None:
    file.attrs["model_config"] = 7


def named_like_a_path(file: h5py.File) -> None:
    config = json.loads(file.attrs["model_config"])
    for layer in config["config"]["layers"]:
        layer["config"]["name"] = "../../../etc/passwd"
        layer["name"] = "../../../etc/passwd"
    file.attrs["model_config"] = json.dumps(config)


def code(file: h5py.File) -> None:
    """What Keras itself would run, were it asked to load without its safe mode."""
    config = json.loads(file.attrs["model_config"])
    layer = config["config"]["layers"][-1]
    layer["class_name"] = layer["registered_name"] = "Lambda"
    layer["config"]["function"] = {"class_name": "__lambda__", "config": {"code": "4wAAAA=="}}
    file.attrs["model_config"] = json.dumps(config)


HARMS = [
    huge, bomb, repeated, repeated_layer, external_file, external_link, virtual, loop, linked_layer, a_group, objects,
    deep, long, not_text,
]  # fmt: skip


@pytest.mark.parametrize("harm", HARMS, ids=[harm.__name__ for harm in HARMS])
def test_a_hostile_network_is_refused(bundle: Path, harm: Callable[[h5py.File], None]) -> None:
    with h5py.File(bundle / NETWORK, "a") as file:
        harm(file)
    with pytest.raises(NetworkError, match=r"sentiment\.h5"):
        read_layers(bundle / NETWORK)


@pytest.mark.parametrize(
    ("heap", "fault"),
    [
        (bytes(16), "impossible size"),
        (b"\1".ljust(8, b"\0") + b"\xf1" + b"\xff" * 7, "impossible size"),
        ((b"\1".ljust(16, b"\0")) * 100_001, "texts in its heaps"),
    ],
    ids=["free space of no size", "a size that wraps around", "more texts than Keras writes"],
)
def test_heaps_that_the_library_would_go_around_in(bundle: Path, heap: bytes, fault: str) -> None:
    file = bundle / NETWORK
    collection = b"GCOL\1\0\0\0" + (16 + len(heap)).to_bytes(8, "little") + heap
    file.write_bytes(file.read_bytes() + collection)
    with pytest.raises(NetworkError, match=fault):
        read_layers(file)


def test_a_layer_named_like_a_path_finds_no_weights(bundle: Path) -> None:
    with h5py.File(bundle / NETWORK, "a") as file:
        named_like_a_path(file)
    rehash(bundle)
    with pytest.raises(BundleError, match=r"sentiment\.h5"):
        Predictor.load(bundle)


def test_code_in_a_network_is_a_layer_that_nobody_knows(bundle: Path) -> None:
    with h5py.File(bundle / NETWORK, "a") as file:
        code(file)
    rehash(bundle)
    with pytest.raises(BundleError, match=r"sentiment\.h5: layer .* is a Lambda"):
        Predictor.load(bundle)


@pytest.mark.parametrize("name", [NETWORK, TOKENIZER, METADATA])
def test_a_file_without_end_is_not_read(bundle: Path, name: str) -> None:
    with (bundle / name).open("wb") as file:
        file.truncate(2 * 1024**3)  # takes no room on the disk
    with pytest.raises(BundleError, match=rf"{name}: is no plain file of at most"):
        Predictor.load(bundle)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
@pytest.mark.parametrize("name", [NETWORK, TOKENIZER, METADATA])
def test_a_pipe_is_not_waited_for(bundle: Path, name: str) -> None:
    (bundle / name).unlink()
    os.mkfifo(bundle / name)
    with pytest.raises(BundleError, match=rf"{name}: is no plain file"):
        Predictor.load(bundle)


SCRIPT = """
import resource, sys
from pathlib import Path
from serving.errors import NetworkError
from serving.model.keras_h5 import read_layers
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_layers(Path(sys.argv[1]))
except NetworkError:
    sys.stdout.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""


@pytest.mark.parametrize("harm", [huge, bomb, repeated, repeated_layer, long], ids=lambda harm: harm.__name__)
def test_refusing_takes_little_memory(bundle: Path, harm: Callable[[h5py.File], None]) -> None:
    with h5py.File(bundle / NETWORK, "a") as file:
        harm(file)
    command = [sys.executable, "-c", SCRIPT, str(bundle / NETWORK)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert int(done.stdout) < 20 * 1024, "KiB more than before"
