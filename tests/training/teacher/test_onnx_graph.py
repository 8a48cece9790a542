"""The tuned encoder in ONNX Runtime beside Keras, of the same random weights."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from serving.model.tokenizer import Encoder
from tests.training.helpers import WORDS
from tests.training.teacher.random_teacher import random_teacher
from training.data.teacher_file import TeacherInfo
from training.teacher.finetuning import Teacher
from training.teacher.onnx_graph import write_teacher
from training.teacher.onnx_session import BATCH, GRAPH, OnnxTeacher
from training.teacher.texts import encoder_text
from training.types import Floats

LABELS = ["negative", "neutral", "positive"]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    return random_teacher(tmp_path_factory.mktemp("encoder"), TeacherInfo(labels=LABELS))


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """More than two batches, of no word to more than are read, and one with what the encoder reads as a word."""
    rng = np.random.default_rng(5)
    return ["", "https://t.co/x", *(" ".join(rng.choice(WORDS, number % 15)) for number in range(2 * BATCH + 5))]


def keras_answers(teacher: Teacher, texts: list[str]) -> Floats:
    encoder = Encoder(teacher.tokenizer)
    ids, _ = encoder.pad_batch(encoder.encode([encoder_text(text) for text in texts]))
    return np.asarray(teacher.network.predict_on_batch(ids), np.float32)


def test_it_answers_as_keras_does(teacher: Teacher, texts: list[str], tmp_path: Path) -> None:
    write_teacher(teacher, tmp_path)
    expected, found = keras_answers(teacher, texts), OnnxTeacher(tmp_path)
    assert found.labels == LABELS
    assert expected.std(0).min() > 0.01
    assert found.predict(texts) == pytest.approx(expected, abs=1e-5)
    assert found.predict([]).shape == (0, 3)


def test_an_answer_does_not_depend_on_the_other_texts(teacher: Teacher, texts: list[str], tmp_path: Path) -> None:
    write_teacher(teacher, tmp_path)
    found = OnnxTeacher(tmp_path)
    alone = np.concatenate([found.predict([text]) for text in texts])
    assert found.predict(texts) == pytest.approx(alone, abs=1e-6)


def test_in_int8_it_answers_nearly_so(teacher: Teacher, texts: list[str], tmp_path: Path) -> None:
    for kind in ("float32", "int8"):
        write_teacher(teacher, tmp_path / kind, int8=kind == "int8")
    exact, rounded = (OnnxTeacher(tmp_path / kind).predict(texts) for kind in ("float32", "int8"))
    difference = np.abs(exact - rounded)
    assert difference.max() > 1e-4
    assert difference.mean() < 0.05
    assert b"MatMulInteger" in (tmp_path / "int8" / GRAPH).read_bytes()


def test_it_answers_without_keras(teacher: Teacher, tmp_path: Path) -> None:
    write_teacher(teacher, tmp_path)
    code = f"""
import sys
from pathlib import Path
from training.teacher.onnx_session import OnnxTeacher
assert OnnxTeacher(Path({str(tmp_path)!r})).predict(["rain"]).shape == (1, 3)
print(sorted({{"keras", "tensorflow", "sklearn", "scipy", "pandas", "h5py", "onnx"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
