import json
from pathlib import Path

import numpy as np
import pytest

from tests.training.teacher.helpers import write_tensors
from training.errors import DataError
from training.teacher.safetensors import read_tensors


def test_tensors_come_by_name(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "ids": np.arange(4), "b": np.ones((1,), np.float32)}
    tensors = read_tensors(write_tensors(tmp_path / "t.safetensors", arrays))
    assert {name: tensor.tolist() for name, tensor in tensors.items()} == {"a": [[0, 1, 2], [3, 4, 5]], "b": [1]}


def file_of(header: object, content: bytes = b"\0" * 8) -> bytes:
    encoded = json.dumps(header).encode()
    return len(encoded).to_bytes(8, "little") + encoded + content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 64,
        (10).to_bytes(8, "little") + b"{",
        file_of([]),
        file_of({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}),
        file_of({"a": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}),
        file_of({"a": {"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]}}),
        file_of({"a": {"dtype": "F32", "shape": [2]}}),
        file_of({"a": {"dtype": "F32", "shape": ["2"], "data_offsets": [0, 8]}}),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.safetensors"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"t\.safetensors: is broken .*; accepted: a safetensors file"):
        read_tensors(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read \(No such file or directory\); `make encoder` brings one"):
        read_tensors(tmp_path / "t.safetensors")
