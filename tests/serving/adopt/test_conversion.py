"""Reading in a child process: what takes too much time or memory ends in a sentence."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.adopt.conversion import convert
from serving.errors import NetworkError
from tests.bundles import OTHERS
from tests.serving.adopt.keras_app import LENGTH, WIDTH, architecture, arrays, write_h5


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such limit")
def test_a_file_that_takes_more_memory_than_reading_may(tmp_path: Path) -> None:
    table = np.zeros((2**21, WIDTH), np.float32)
    model = write_h5(tmp_path / "model.h5", architecture(), weights=arrays() | {"embedding": [table]})
    with pytest.raises(NetworkError, match=r"model\.h5: takes more memory to read than there is for it"):
        convert(model, tmp_path / "out.h5", max_memory=table.nbytes // 2)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such limit")
def test_a_network_that_takes_more_memory_than_running_it_may(tmp_path: Path) -> None:
    doubled = [functional_layer("Concatenate", f"x{i + 1}", [f"x{i}", f"x{i}"]) for i in range(16)]
    layers = [
        functional_layer("InputLayer", "ids", [], batch_input_shape=[None, LENGTH]),
        functional_layer("Embedding", "embedding", ["ids"]),
        functional_layer("Flatten", "x0", ["embedding"]),
        *doubled,
        functional_layer("Dense", "dense", ["x16"], units=1, activation="sigmoid"),
    ]
    config = {"name": "model", "layers": layers, "input_layers": [["ids", 0, 0]], "output_layers": [["dense", 0, 0]]}
    model = write_h5(tmp_path / "model.h5", {"class_name": "Functional", "config": config})
    with pytest.raises(NetworkError, match=r"model\.h5: its layers .* take too much: .*alloc"):
        convert(model, tmp_path / "out.h5", max_memory=2**24)


def functional_layer(class_name: str, name: str, inputs: list[str], **options: Any) -> dict[str, Any]:
    nodes = [[[other, 0, 0, {}] for other in inputs]] if inputs else []
    return {"class_name": class_name, "name": name, "config": {"name": name, **options}, "inbound_nodes": nodes}


def test_a_file_that_takes_longer_than_reading_may(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"model\.h5: takes more than 0 s to read: it was damaged"):
        convert(write_h5(tmp_path / "model.h5"), tmp_path / "out.h5", seconds=0)


def test_a_file_on_which_the_hdf5_library_runs_for_ever(tmp_path: Path) -> None:
    content = bytearray((OTHERS / "keras2.h5").read_bytes())
    content[9512] = 0  # the lowest byte of the size of what is free in its heap of texts
    (tmp_path / "model.h5").write_bytes(content)
    with pytest.raises(NetworkError, match=r"model\.h5: is broken: an object in a heap of its texts has an impossible"):
        convert(tmp_path / "model.h5", tmp_path / "out.h5")
