"""Reading in a child process: what takes too much time or memory ends in a sentence."""

import sys
from pathlib import Path

import numpy as np
import pytest

from serving.adopt.conversion import convert
from serving.errors import NetworkError
from tests.bundles import OTHERS
from tests.serving.adopt.keras_app import WIDTH, architecture, arrays, write_h5


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such limit")
def test_a_file_that_takes_more_memory_than_reading_may(tmp_path: Path) -> None:
    table = np.zeros((2**21, WIDTH), np.float32)
    model = write_h5(tmp_path / "model.h5", architecture(), weights=arrays() | {"embedding": [table]})
    with pytest.raises(NetworkError, match=r"model\.h5: takes more memory to read than there is for it"):
        convert(model, tmp_path / "out.h5", max_memory=table.nbytes // 2)


def test_a_file_that_takes_longer_than_reading_may(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"model\.h5: takes more than 0 s to read: it was damaged"):
        convert(write_h5(tmp_path / "model.h5"), tmp_path / "out.h5", seconds=0)


def test_a_file_on_which_the_hdf5_library_runs_for_ever(tmp_path: Path) -> None:
    content = bytearray((OTHERS / "keras2.h5").read_bytes())
    content[9512] = 0  # the lowest byte of the size of what is free in its heap of texts
    (tmp_path / "model.h5").write_bytes(content)
    with pytest.raises(NetworkError, match=r"model\.h5: is broken: an object in a heap of its texts has an impossible"):
        convert(tmp_path / "model.h5", tmp_path / "out.h5")
