"""Reader of safetensors files (https://huggingface.co/docs/safetensors): arrays by name, nothing else."""

import json
import math
from pathlib import Path

import numpy as np

from training.errors import DataError
from training.types import Floats

HEADER_LENGTH = 8  # bytes, little-endian, before the header in JSON
MAX_HEADER = 1_000_000  # bytes; one of a hundred tensors has ten thousand


def read_tensors(path: Path) -> dict[str, Floats]:
    """Every float32 tensor of a file, by its name; those of other types are passed over.

    Raises:
        DataError: The file cannot be read or is none.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); `make encoder` brings one") from error
    try:
        size = int.from_bytes(content[:HEADER_LENGTH], "little")
        if size > MAX_HEADER:
            raise ValueError(f"a header of {size:,} bytes")
        start = HEADER_LENGTH + size
        header = json.loads(content[HEADER_LENGTH:start])
        return {
            name: _tensor(content, start, entry["shape"], entry["data_offsets"])
            for name, entry in header.items()
            if name != "__metadata__" and entry["dtype"] == "F32"
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: is broken ({error}); accepted: a safetensors file") from error


def _tensor(content: bytes, start: int, shape: list[int], offsets: list[int]) -> Floats:
    begin, end = offsets
    if (end - begin) != 4 * math.prod(shape) or begin < 0 or start + end > len(content):
        raise ValueError(f"a tensor of shape {shape} at {begin} to {end}")
    return np.frombuffer(content, "<f4", math.prod(shape), start + begin).reshape(shape)
