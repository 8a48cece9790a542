"""Pieces of a file: their order, and going on after an interruption."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from serving.errors import FileError
from serving.predictor import Prediction
from serving.rows.delimited import DelimitedReader
from serving.rows.table import CHUNK, Row
from serving.scoring import Options, Progress, score
from tests.serving.fakes import FakePredictor
from tests.serving.tables import rows_of, write_csv


class Overtaking(FakePredictor):
    """Answers the first piece only after a later one."""

    def __init__(self) -> None:
        super().__init__()
        self.later = Event()

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        if "row 0" in texts:
            assert self.later.wait(timeout=30)
        else:
            self.later.set()
        return super().predict(texts)


class Interrupted(FakePredictor):
    """Is interrupted in its third piece."""

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        if "row 5000" in texts:
            raise KeyboardInterrupt
        return super().predict(texts)


def numbered(path: Path, rows: int) -> Path:
    return write_csv(path, ["text"], [[f"row {i}"] for i in range(rows)])


def test_pieces_that_overtake_each_other_are_written_in_order(tmp_path: Path) -> None:
    source = numbered(tmp_path / "in.csv", 5000)
    assert score(Overtaking(), source, tmp_path / "out.csv", Options(threads=2)).rows == 5000
    assert [row["text"] for row in rows_of(tmp_path / "out.csv")] == [f"row {i}" for i in range(5000)]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_an_interrupted_scoring_is_gone_on_with(tmp_path: Path, suffix: str) -> None:
    source, target = numbered(tmp_path / "in.csv", 7000), tmp_path / f"out{suffix}"
    score(FakePredictor(), source, tmp_path / f"whole{suffix}", Options())
    with pytest.raises(KeyboardInterrupt):
        score(Interrupted(), source, target, Options())
    assert not target.exists()
    again = FakePredictor()
    assert score(again, source, target, Options(resume=True)) == Progress(7000, 4096, 0, 1.0)
    assert again.seen == [f"row {i}" for i in range(4096, 7000)]
    assert target.read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", f"out{suffix}", f"whole{suffix}"]


def test_another_input_is_not_gone_on_with(tmp_path: Path) -> None:
    source = numbered(tmp_path / "in.csv", 7000)
    with pytest.raises(KeyboardInterrupt):
        score(Interrupted(), source, tmp_path / "out.csv", Options())
    numbered(source, 7001)
    with pytest.raises(FileError, match="begun with another input"):
        score(FakePredictor(), source, tmp_path / "out.csv", Options(resume=True))


@pytest.mark.parametrize(
    ("changed", "options"),
    [
        ("model", {}),
        ("time of the input", {}),
        ("text column", {"text_column": "text"}),
        ("encoding", {"encoding": "cp1252"}),
        ("delimiter", {"delimiter": "comma"}),
        ("limit of characters", {"max_text_chars": 9}),
    ],
)
def test_what_was_begun_otherwise_is_not_gone_on_with(tmp_path: Path, changed: str, options: dict[str, Any]) -> None:
    source, again = numbered(tmp_path / "in.csv", 7000), FakePredictor()
    with pytest.raises(KeyboardInterrupt):
        score(Interrupted(), source, tmp_path / "out.csv", Options())
    if changed == "model":
        again.metadata = again.metadata.model_copy(update={"model_version": "ba9876543210"})
    if changed == "time of the input":
        os.utime(source, ns=(1, 1))
    with pytest.raises(FileError, match=f"begun with another {changed};"):
        score(again, source, tmp_path / "out.csv", Options(resume=True, **options))
    assert again.seen == []


def test_no_more_than_a_few_pieces_are_read_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, read, ahead = numbered(tmp_path / "in.csv", 12 * CHUNK), 0, list[int]()
    chunks = DelimitedReader.chunks

    def counted(reader: DelimitedReader) -> Iterator[list[Row]]:
        nonlocal read
        for chunk in chunks(reader):
            read += len(chunk)
            yield chunk

    monkeypatch.setattr(DelimitedReader, "chunks", counted)
    options = Options(threads=1)
    score(FakePredictor(), source, tmp_path / "out.csv", options, lambda done: ahead.append(read - done.rows))
    assert max(ahead) <= 3 * CHUNK
