"""Chunks of a file: their order, and continuing after an interruption."""

import io
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from serving.errors import FileError
from serving.model.predictor import Predictor
from serving.model.types import Prediction
from serving.scoring.score import PIPE, ScoreOptions, ScoreProgress, ScoringJob, score
from serving.tables.base import CHUNK_ROWS, MAX_ROW_CHARS, ReadOptions, Row
from serving.tables.chunk import TextExtractor
from serving.tables.delimited import DelimitedReader
from tests.bundles import TEXTS, edit_metadata
from tests.serving.csv_files import ADDED, rows_of, write_csv
from tests.serving.fakes import FakePredictor


class Overtaking(FakePredictor):
    """Answers the first chunk only after a later one."""

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
    """Is interrupted in its third chunk."""

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        if "row 5000" in texts:
            raise KeyboardInterrupt
        return super().predict(texts)


def numbered(path: Path, rows: int) -> Path:
    return write_csv(path, ["text"], [[f"row {i}"] for i in range(rows)])


def test_chunks_that_overtake_each_other_are_written_in_order(tmp_path: Path) -> None:
    source = numbered(tmp_path / "in.csv", 5000)
    assert score(Overtaking(), source, tmp_path / "out.csv", ScoreOptions(threads=2)).rows == 5000
    assert [row["text"] for row in rows_of(tmp_path / "out.csv")] == [f"row {i}" for i in range(5000)]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_an_interrupted_scoring_is_continued(tmp_path: Path, suffix: str) -> None:
    source, target = numbered(tmp_path / "in.csv", 7000), tmp_path / f"out{suffix}"
    score(FakePredictor(), source, tmp_path / f"whole{suffix}", ScoreOptions())
    with pytest.raises(KeyboardInterrupt):
        score(Interrupted(), source, target, ScoreOptions())
    assert not target.exists()
    again = FakePredictor()
    assert score(again, source, target, ScoreOptions(resume=True)) == ScoreProgress(7000, 4096, 0, 1.0)
    assert again.seen == [f"row {i}" for i in range(4096, 7000)]
    assert target.read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", f"out{suffix}", f"whole{suffix}"]


def test_another_input_is_not_continued(tmp_path: Path) -> None:
    source = numbered(tmp_path / "in.csv", 7000)
    with pytest.raises(KeyboardInterrupt):
        score(Interrupted(), source, tmp_path / "out.csv", ScoreOptions())
    numbered(source, 7001)
    with pytest.raises(FileError, match="begun with another input"):
        score(FakePredictor(), source, tmp_path / "out.csv", ScoreOptions(resume=True))


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
def test_what_was_begun_otherwise_is_not_continued(tmp_path: Path, changed: str, options: dict[str, Any]) -> None:
    source, again = numbered(tmp_path / "in.csv", 7000), FakePredictor()
    with pytest.raises(KeyboardInterrupt):
        score(Interrupted(), source, tmp_path / "out.csv", ScoreOptions())
    if changed == "model":
        again.metadata = again.metadata.model_copy(update={"model_version": "ba9876543210"})
    if changed == "time of the input":
        os.utime(source, ns=(1, 1))
    with pytest.raises(FileError, match=f"begun with another {changed};"):
        score(again, source, tmp_path / "out.csv", ScoreOptions(resume=True, **options))
    assert again.seen == []


class CountingReader(DelimitedReader):
    """Counts the rows that are read."""

    rows_read = 0

    def rows(self) -> Iterator[Row]:
        for row in super().rows():
            self.rows_read += 1
            yield row


def test_no_more_than_a_few_chunks_are_read_ahead() -> None:
    content, ahead = b"text\n" + b"good\n" * 12 * CHUNK_ROWS, list[int]()
    reader = CountingReader(io.BytesIO(content), ReadOptions())
    job = ScoringJob(
        FakePredictor(),
        reader,
        reader.writer(["negative", "neutral", "positive"]),
        TextExtractor(reader, 0),
        on_progress=lambda progress: ahead.append(reader.rows_read - progress.rows),
    )
    assert job.run(lambda *_: None).rows == 12 * CHUNK_ROWS
    assert max(ahead) <= 3 * CHUNK_ROWS


def test_every_row_comes_back_in_order_with_its_own_answer(tiny_predictor: Predictor, tmp_path: Path) -> None:
    texts = [f"{TEXTS[i % len(TEXTS)]} {i}" for i in range(5000)]
    source = write_csv(tmp_path / "in.csv", ["id", "text"], [[str(i), text] for i, text in enumerate(texts)])
    shown: list[ScoreProgress] = []
    last = score(tiny_predictor, source, tmp_path / "out.csv", ScoreOptions(), shown.append)
    assert last == shown[-1] == ScoreProgress(5000, 0, 0, 1.0)
    rows = rows_of(tmp_path / "out.csv")
    assert list(rows[0]) == ["id", "text", *ADDED]
    assert [row["id"] for row in rows] == [str(i) for i in range(5000)]
    assert [progress.rows for progress in shown] == [CHUNK_ROWS, 2 * CHUNK_ROWS, 5000]
    for i in (0, CHUNK_ROWS - 1, CHUNK_ROWS, 4999):
        (expected,) = tiny_predictor.predict([texts[i]])
        assert rows[i]["label"] == expected.label
        assert float(rows[i]["probability"]) == pytest.approx(expected.probability, abs=1e-6)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty"),
        (b"text\n", "has no rows"),
        (b"tweet\ngood\n", "no column 'text'; found: 'tweet'"),
        (b"te\xe9xt,text\na,good\n", "the header is not utf-8"),
        (b'"text\nhi\n', "the header is not CSV: unexpected end of data"),
        (b"text,text\na,b\n", "2 columns 'text'"),
        (b"text\n" + b"x" * (MAX_ROW_CHARS + 1), "line 2 has more than 1,048,576 characters"),
    ],
)
def test_a_bad_file_is_refused_and_leaves_nothing(
    tiny_predictor: Predictor, tmp_path: Path, content: bytes, fault: str
) -> None:
    (tmp_path / "in.csv").write_bytes(content)
    (tmp_path / "out.csv").write_text("old", encoding="utf-8")
    with pytest.raises(FileError, match=fault):
        score(tiny_predictor, tmp_path / "in.csv", tmp_path / "out.csv", ScoreOptions())
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


@pytest.mark.parametrize("name", ["in.xlsx", "missing.csv"])
def test_a_file_that_is_not_there_or_unknown(tiny_predictor: Predictor, tmp_path: Path, name: str) -> None:
    with pytest.raises(FileError, match="no such file"):
        score(tiny_predictor, tmp_path / name, tmp_path / "out.csv", ScoreOptions())
    with pytest.raises(FileError, match=r"unknown kind of file; accepted: \.csv, \.tsv, \.parquet"):
        score(tiny_predictor, tmp_path / "in.csv", tmp_path / "out.json", ScoreOptions())


def test_the_input_is_never_overwritten(tiny_predictor: Predictor, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", ["text"], [["good"]])
    with pytest.raises(FileError, match="is the input"):
        score(tiny_predictor, source, tmp_path / ".." / tmp_path.name / "in.csv", ScoreOptions())
    assert source.read_text(encoding="utf-8") == "text\ngood\n"


def test_the_column_is_the_one_that_the_model_was_made_with(bundle: Path, tmp_path: Path) -> None:
    edit_metadata(bundle, lambda content: content["recipe"]["data"].update(text="tweet"))
    source = write_csv(tmp_path / "in.csv", ["tweet"], [["good"]])
    assert score(Predictor.load(bundle), source, tmp_path / "out.csv", ScoreOptions()).rows == 1


def test_a_place_that_cannot_be_written(tiny_predictor: Predictor, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", ["text"], [["good"]])
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(FileError, match="is a folder"):
        score(tiny_predictor, source, tmp_path / "folder.csv", ScoreOptions())
    with pytest.raises(FileError, match="cannot be written"):
        score(tiny_predictor, source, source / "out.csv", ScoreOptions())


def test_standard_input_and_output(monkeypatch: pytest.MonkeyPatch) -> None:
    target = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"text\ngood\n")))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(target))
    assert score(FakePredictor(), PIPE, PIPE, ScoreOptions(pipe_format="csv")) == ScoreProgress(1, 0, 0, None)
    lines = target.getvalue().decode().splitlines()
    assert lines == ["text," + ",".join(ADDED), "good,positive,0.8,0.1,0.1,0.8,"]


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (ScoreOptions(), "a pipe needs --format"),
        (ScoreOptions(pipe_format="parquet"), "accepted: csv, tsv, .*, found: parquet"),
        (ScoreOptions(pipe_format="csv", resume=True), "a pipe cannot be resumed"),
    ],
)
def test_what_a_pipe_cannot_do(tmp_path: Path, options: ScoreOptions, fault: str) -> None:
    with pytest.raises(FileError, match=fault):
        score(FakePredictor(), PIPE, tmp_path / "out.csv", options)
