from pathlib import Path

import numpy as np
import pytest

from training.errors import ResumeError
from training.fit.checkpoint import Checkpoint

ARRAYS = {"weights": [np.arange(6.0).reshape(2, 3), np.zeros(0)], "moving": [np.array(7), np.array([1], np.uint32)]}


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "work", {"seed": 1}).save({"epoch": 3}, ARRAYS)
    state, arrays = Checkpoint(tmp_path / "work", {"seed": 1}).load()
    assert state == {"epoch": 3}
    for name, expected in ARRAYS.items():
        for found, array in zip(arrays[name], expected, strict=True):
            assert found.dtype == array.dtype
            assert found.tolist() == array.tolist()


def test_many_arrays_keep_their_order(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, {})
    checkpoint.save({}, {"weights": [np.array(i) for i in range(120)]})
    assert [int(a) for a in checkpoint.load()[1]["weights"]] == list(range(120))


def test_another_run_is_refused_by_what_differs(tmp_path: Path) -> None:
    Checkpoint(tmp_path, {"recipe": 1, "data": 1}).save({}, ARRAYS)
    with pytest.raises(ResumeError, match=r"of another run, which differs in \['recipe'\]"):
        Checkpoint(tmp_path, {"recipe": 2, "data": 1}).load()


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(ResumeError, match="nothing to resume"):
        Checkpoint(tmp_path, {}).load()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_broken_file_is_refused(tmp_path: Path, share: float) -> None:
    checkpoint = Checkpoint(tmp_path, {})
    checkpoint.save({}, ARRAYS)
    content = checkpoint.path.read_bytes()
    checkpoint.path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ResumeError, match="is not a state that can be resumed"):
        checkpoint.load()


def test_a_write_that_fails_leaves_the_old_state(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, {})
    checkpoint.save({"epoch": 1}, ARRAYS)
    with pytest.raises(TypeError):
        checkpoint.save({"epoch": object()}, ARRAYS)
    assert checkpoint.load()[0] == {"epoch": 1}


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, {})
    with checkpoint.path.open("wb") as file:
        np.savez(file, state=np.array([object()], dtype=object), identity="{}")
    with pytest.raises(ResumeError, match="allow_pickle=False"):
        checkpoint.load()


def test_what_only_one_of_two_runs_has_is_a_difference(tmp_path: Path) -> None:
    Checkpoint(tmp_path, {"recipe": 1, "vectors": "abc"}).save({}, ARRAYS)
    with pytest.raises(ResumeError, match=r"differs in \['vectors'\]"):
        Checkpoint(tmp_path, {"recipe": 1}).load()
