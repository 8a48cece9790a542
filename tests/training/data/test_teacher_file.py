import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.data.teacher_file import TeacherFile, TeacherInfo, text_hashes
from training.errors import DataError

INFO = TeacherInfo(labels=["a", "b"], name="t", model_version="v1")
TEXTS = ["one", "two 😡", "three"]
ANSWERS = np.array([[0.25, 0.75], [1.0, 0.0], [0.4, 0.6]], np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "answers" / "t.npz"
    TeacherFile.empty(INFO).with_answers(text_hashes(TEXTS), ANSWERS).write(path)
    return path


def test_texts_get_their_answers_back(path: Path) -> None:
    file = TeacherFile.read(path)
    assert file.info == INFO
    probabilities, known = file.predict(["three", "unknown", "one"])
    assert known.tolist() == [True, False, True]
    assert probabilities[known] == pytest.approx(ANSWERS[[2, 0]], abs=1e-3)
    assert probabilities[1].tolist() == [0, 0]
    assert probabilities[0].sum() == pytest.approx(1, abs=1e-6)
    assert [each.name for each in path.parent.iterdir()] == ["t.npz"]


def test_a_file_without_answers_knows_no_text(tmp_path: Path) -> None:
    TeacherFile.empty(INFO).write(tmp_path / "t.npz")
    assert TeacherFile.read(tmp_path / "t.npz").predict(TEXTS)[1].tolist() == [False] * 3


def test_a_hash_is_eight_bytes_of_blake2b() -> None:
    digest = hashlib.blake2b("two 😡".encode(), digest_size=8).digest()
    assert text_hashes(TEXTS)[1] == int.from_bytes(digest, "little")


def test_the_file_holds_no_text_and_fourteen_bytes_for_one_of_three_labels(tmp_path: Path) -> None:
    texts = [f"text number {number}" for number in range(1000)]
    three = TeacherInfo(labels=["a", "b", "c"])
    answers = np.full((1000, 3), 1 / 3, np.float32)
    TeacherFile.empty(three).with_answers(text_hashes(texts), answers).write(tmp_path / "t.npz")
    content = (tmp_path / "t.npz").read_bytes()
    assert len(content) < 14 * 1000 + 2000
    assert b"number" not in content


HASHES = text_hashes(TEXTS)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"info": '{"labels": ["a"]}'}, "is no file of a teacher's answers: info.labels: List should have at least 2"),
        ({"info": "no json"}, "is no file of a teacher's answers: info"),
        ({"hashes": None}, "is no file of a teacher's answers"),
        ({"hashes": HASHES}, "not in ascending order"),
        ({"hashes": np.uint64(3)}, r"hashes of shape \(\) and"),
        ({"hashes": np.arange(3)}, "holds int64 and float16; accepted: uint64 and float16"),
        ({"answers": np.zeros((3, 3), np.float16)}, r"answers of shape \(3, 3\) for labels \['a', 'b'\]"),
        ({"answers": np.full((3, 2), 0.9, np.float16)}, "no probabilities; accepted: numbers from 0 that sum to 1"),
        ({"answers": np.full((3, 2), np.nan, np.float16)}, "no probabilities"),
        ({"answers": np.array([[2, -1]] * 3, np.float16)}, "no probabilities"),
        ({"answers": np.array([[None, 1]] * 3)}, "is no file of a teacher's answers: .*pickle"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, changes: dict[str, Any], fault: str) -> None:
    content = {"info": INFO.model_dump_json(), "hashes": np.sort(HASHES), "answers": ANSWERS.astype(np.float16)}
    file = io.BytesIO()
    arrays: dict[str, Any] = {name: np.array(each) for name, each in (content | changes).items() if each is not None}
    np.savez(file, **arrays)
    (tmp_path / "t.npz").write_bytes(file.getvalue())
    with pytest.raises(DataError, match=fault):
        TeacherFile.read(tmp_path / "t.npz")


def test_a_file_that_is_not_there_or_broken_off_is_named(path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.npz: cannot be read \(No such file or directory\)"):
        TeacherFile.read(path.with_name("none.npz"))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=r"t\.npz: is no file of a teacher's answers"):
        TeacherFile.read(path)


def test_a_place_that_cannot_be_written_is_named(path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        TeacherFile.read(path).write(path / "below.npz")
