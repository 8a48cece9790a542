"""Teacher's answers on disk: hashes of texts and their probabilities, without the texts."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field, ValidationError

from serving.model.metadata import DataFile
from training.errors import DataError
from training.types import Floats

Hashes = npt.NDArray[np.uint64]
Halves = npt.NDArray[np.float16]
HASH_BYTES = 8  # two of a million texts have the same by a chance of 1 in 37 million


class TeacherInfo(BaseModel):
    """Who answered; the fields beside `labels` are those of a bundle's metadata with the same names.

    A file that something else made needs the labels alone.
    """

    labels: list[str] = Field(min_length=2)
    name: str = "teacher"
    model_version: str = ""
    origin: Literal["trained"] = "trained"
    recipe: dict[str, Any] = {}
    data: list[DataFile] = []
    split: dict[str, dict[str, int]] = {}
    teachers: dict[str, str] = {}
    teacher_recipes: dict[str, dict[str, Any]] = {}
    teacher_data: dict[str, list[DataFile]] = {}


@dataclass(frozen=True)
class TeacherFile:
    """Answers of one teacher.

    Attributes:
        info: Who answered.
        hashes: Of the texts, distinct and ascending, uint64 (texts,).
        answers: Probabilities in the order of the labels, float16 (texts, labels).
    """

    info: TeacherInfo
    hashes: Hashes
    answers: Halves

    @classmethod
    def empty(cls, info: TeacherInfo) -> "TeacherFile":
        """A file without an answer."""
        return cls(info, np.zeros(0, np.uint64), np.zeros((0, len(info.labels)), np.float16))

    @classmethod
    def read(cls, path: Path) -> "TeacherFile":
        """Read a file that `write` wrote, or one like it.

        Raises:
            DataError: It cannot be read or is none.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
                info = TeacherInfo.model_validate_json(str(content["info"]))
                answers = cls(info, content["hashes"], content["answers"])
        except OSError as error:
            accepted = "a file of answers, as `python -m training answers` writes"
            raise DataError(f"{path}: cannot be read ({error.strerror}); accepted: {accepted}") from error
        except Exception as error:  # NumPy answers a broken zip with many kinds
            raise DataError(f"{path}: is no file of a teacher's answers: {_reason(error)}") from error
        answers.check(path)
        return answers

    def check(self, path: Path) -> None:
        """Check shapes, types and values.

        Raises:
            DataError: Something is not as the class says; `path` begins the sentence.
        """
        hashes, answers, labels = self.hashes, self.answers, self.info.labels
        if (str(hashes.dtype), str(answers.dtype)) != ("uint64", "float16"):
            raise DataError(f"{path}: holds {hashes.dtype} and {answers.dtype}; accepted: uint64 and float16")
        if hashes.ndim != 1 or answers.shape != (len(hashes), len(labels)):
            fault = f"hashes of shape {hashes.shape} and answers of shape {answers.shape} for labels {labels}"
            raise DataError(f"{path}: holds {fault}; accepted: one answer a hash, one number a label")
        if (hashes[1:] <= hashes[:-1]).any():
            raise DataError(f"{path}: its hashes are not in ascending order; accepted: each once, ascending")
        sums = answers.astype(np.float32).sum(1)
        if not ((answers >= 0).all() and (np.abs(sums - 1) < 0.01).all()):  # a half has three digits
            raise DataError(f"{path}: holds what are no probabilities; accepted: numbers from 0 that sum to 1")

    def write(self, path: Path) -> None:
        """Replace the file in one step.

        Raises:
            DataError: It cannot be written.
        """
        partial = path.with_name(f"{path.name}.partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                info = json.dumps(self.info.model_dump(mode="json"), sort_keys=True)
                np.savez(file, info=np.array(info), hashes=self.hashes, answers=self.answers)
            partial.replace(path)
        except OSError as error:
            with suppress(OSError):
                partial.unlink()
            raise DataError(f"{path}: cannot be written ({error.strerror})") from error

    def with_answers(self, hashes: Hashes, answers: Floats) -> "TeacherFile":
        """The file with more answers, of hashes that it does not have."""
        joined = np.concatenate([self.hashes, hashes])
        order = np.argsort(joined)
        return TeacherFile(self.info, joined[order], np.concatenate([self.answers, answers.astype(np.float16)])[order])

    def find(self, hashes: Hashes) -> npt.NDArray[np.int64]:
        """The row of each hash, or -1 where there is no answer."""
        if not len(self.hashes):
            return np.full(len(hashes), -1, np.int64)
        rows = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        return np.where(self.hashes[rows] == hashes, rows, -1)

    def predict(self, texts: Sequence[str]) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """The answers for these texts.

        Returns:
            Probabilities, float32 (texts, labels), 0 where there is no answer; and whether there is one, (texts,).
        """
        rows = self.find(text_hashes(texts))
        known = rows >= 0
        probabilities = np.zeros((len(texts), len(self.info.labels)), np.float32)
        found = self.answers[rows[known]].astype(np.float32)
        probabilities[known] = found / found.sum(1, keepdims=True)
        return probabilities, known


def text_hashes(texts: Sequence[str]) -> Hashes:
    """BLAKE2b (RFC 7693) of 8 bytes of each text in UTF-8, read as a little-endian number: uint64 (texts,)."""
    digests = (hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=HASH_BYTES).digest() for text in texts)
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors()[0]
        return f"info.{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
    return str(error)
