"""Chunks of a file: their order, and continuing after an interruption."""

import gzip
import io
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.errors import FileError
from serving.model.predictor import Predictor
from serving.model.types import Prediction
from serving.scoring.score import PIPE, ScoreOptions, ScoreProgress, ScoringJob, score
from serving.tables.base import CHUNK_ROWS, ReadOptions, Row
from serving.tables.delimited import DelimitedReader
from serving.tables.formats import Table, open_table, table_input
from serving.tables.text import OutputEncoding, TextFile
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
    with pytest.raises(FileError, match="the interrupted run had another input"):
        score(FakePredictor(), source, tmp_path / "out.csv", ScoreOptions(resume=True))


@pytest.mark.parametrize(
    ("changed", "options"),
    [
        ("model", {}),
        ("time of the input", {}),
        ("text column", {"text_column": "text"}),
        ("encoding", {"encoding": "cp1252"}),
        ("delimiter", {"delimiter": "comma"}),
        ("header", {"header": "true"}),
        ("output encoding", {"output_encoding": "utf-16"}),
        ("limit of characters", {"max_text_chars": 9}),
        ("least probability", {"min_probability": 0.5}),
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
    with pytest.raises(FileError, match=f"had another {changed};"):
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
    reader = CountingReader(TextFile(io.BytesIO(content)), ReadOptions())
    model_input = table_input(FakePredictor())
    job = ScoringJob(
        FakePredictor(),
        open_table(reader, model_input),
        reader.writer(model_input.added, OutputEncoding()),
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
        (b"id,date\n1,2020-01-01\n", "not clear which column holds the texts; found: 'id', 'date'"),
        (b"te\xe9xt,text\na,caf\xc3\xa9\n", "the header is not utf-8"),
        (b"text,text\na,b\n", "found: 'text', 'text'; give each column a name of its own"),
        (b"text\ncaf\xe9\n", "it is not UTF-8, as line 2 shows"),
        (b"PK\x03\x04\x14\0", "it is an Excel workbook"),
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


def test_a_file_that_is_not_there_or_unknown(tiny_predictor: Predictor, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        score(tiny_predictor, tmp_path / "missing.csv", tmp_path / "out.csv", ScoreOptions())
    source = write_csv(tmp_path / "in.csv", ["text"], [["good"]])
    for names in ((tmp_path / "in.xlsx", tmp_path / "out.csv"), (source, tmp_path / "out.xlsx")):
        with pytest.raises(
            FileError, match=r"\.xlsx: unknown kind of file; accepted: \.jsonl, \.ndjson, \.json, \.csv"
        ):
            score(tiny_predictor, *names, ScoreOptions())


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


def piped(monkeypatch: pytest.MonkeyPatch, content: bytes, options: ScoreOptions) -> bytes:
    """What `score` writes to standard output of such a standard input."""
    target = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(target))
    assert score(FakePredictor(), PIPE, PIPE, options) == ScoreProgress(1, 0, 0, None)
    return target.getvalue()


@pytest.mark.parametrize("pipe_format", ["", "csv", "CSV"])
def test_standard_input_and_output(monkeypatch: pytest.MonkeyPatch, pipe_format: str) -> None:
    lines = piped(monkeypatch, b"text\ngood\n", ScoreOptions(pipe_format=pipe_format)).decode().splitlines()
    assert lines == ["text," + ",".join(ADDED), "good,positive,0.8,0.1,0.1,0.8,false,1.0,"]


def test_a_pipe_shows_its_format_and_can_be_written_in_another(monkeypatch: pytest.MonkeyPatch) -> None:
    assert piped(monkeypatch, b'{"text": "good"}\n', ScoreOptions()).startswith(b'{"text": "good", "label"')
    assert piped(monkeypatch, b'{"text": "good"}\n', ScoreOptions(pipe_format="tsv")).startswith(b"text\tlabel\t")


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (ScoreOptions(pipe_format="parquet"), "standard output cannot be parquet; accepted: jsonl, csv, tsv"),
        (ScoreOptions(pipe_format="csv", resume=True), "a pipe cannot be resumed"),
    ],
)
def test_what_a_pipe_cannot_do(tmp_path: Path, options: ScoreOptions, fault: str) -> None:
    source = write_csv(tmp_path / "in.csv", ["text"], [["good"]])
    with pytest.raises(FileError, match=fault):
        score(FakePredictor(), source, PIPE, options)


def test_parquet_goes_to_a_pipe_in_a_format_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(pa.table({"text": ["good"]}), tmp_path / "in.parquet")
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(target := io.BytesIO()))
    score(FakePredictor(), tmp_path / "in.parquet", PIPE, ScoreOptions(pipe_format="csv"))
    assert target.getvalue().startswith(b"text,label")
    with pytest.raises(FileError, match="standard output cannot be parquet"):
        score(FakePredictor(), tmp_path / "in.parquet", PIPE, ScoreOptions())


def test_what_was_decided_is_told(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("1,I love it\n2,so bad\n", encoding="utf-8")
    tables: list[Table] = []
    score(FakePredictor(), tmp_path / "in.csv", tmp_path / "out.csv", ScoreOptions(), on_opened=tables.append)
    assert [table.extract.text_name for table in tables] == ["column_2"]
    assert "without a header" in tables[0].reader.notes[0]


def test_compressed_files(tmp_path: Path) -> None:
    rows = [[f"row {i}"] for i in range(CHUNK_ROWS + 1)]
    plain = write_csv(tmp_path / "in.csv", ["text"], rows)
    (tmp_path / "in.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    score(FakePredictor(), tmp_path / "in.csv.gz", tmp_path / "out.csv.gz", ScoreOptions())
    score(FakePredictor(), plain, tmp_path / "out.csv", ScoreOptions())
    assert gzip.decompress((tmp_path / "out.csv.gz").read_bytes()) == (tmp_path / "out.csv").read_bytes()


@pytest.mark.parametrize("size", [5, 40])
def test_a_compressed_file_that_is_broken_off_is_refused(tmp_path: Path, size: int) -> None:
    (tmp_path / "in.csv.gz").write_bytes(gzip.compress(b"text\n" + bytes(range(32, 127)) * 9)[:size])
    with pytest.raises(FileError, match=r"in\.csv\.gz: is no whole gzip file"):
        score(FakePredictor(), tmp_path / "in.csv.gz", tmp_path / "out.csv", ScoreOptions())
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv.gz"]


@pytest.mark.parametrize("name", ["in.csv", "in.txt", "in.tsv", "in.jsonl", "in.ndjson", "in.json"])
def test_a_file_of_texts_of_every_suffix(tmp_path: Path, name: str) -> None:
    content = b'{"text": "good"}\n' if "js" in name else b"text\ngood\n"
    (tmp_path / name).write_bytes(content)
    assert score(FakePredictor(), tmp_path / name, tmp_path / f"out_{name}", ScoreOptions()).rows == 1
    assert (tmp_path / f"out_{name}").read_bytes()[:4] == content[:4]


def test_another_encoding_is_written(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes("id;text\n1;größe\n".encode("cp1252"))
    options = ScoreOptions(encoding="windows-1252", output_encoding="latin-1")
    score(FakePredictor(), tmp_path / "in.csv", tmp_path / "out.csv", options)
    assert (tmp_path / "out.csv").read_bytes().splitlines()[1].startswith("1;größe;".encode("latin-1"))
    score(FakePredictor(), tmp_path / "in.csv", tmp_path / "out.csv", ScoreOptions(encoding="windows-1252"))
    assert (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbfid;")
