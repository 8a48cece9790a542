"""Scoring from and to every format: what it leaves of a row, and says of one that it cannot score."""

import csv
import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.errors import FileError
from serving.model.predictor import Predictor
from serving.scoring.score import ScoreOptions, score
from serving.tables.inputs.text import NO_TEXT
from tests.bundles import TEXTS
from tests.serving.csv_files import ADDED, rows_of, write_csv
from tests.serving.fakes import FakePredictor


def test_what_a_spreadsheet_writes_is_kept(tiny_predictor: Predictor, tmp_path: Path) -> None:
    cells = [['say "hi",\nthen go', "1"], ["", "2"], ["  ", "3"], ["great 👍🏽", "=1+1"]]
    source = write_csv(tmp_path / "in.csv", ["tweet", "n"], cells, encoding="utf-8-sig")
    score(tiny_predictor, source, tmp_path / "out.csv", ScoreOptions(text_column="tweet"))
    assert (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbftweet"), "or it would misread the emoji"
    rows = rows_of(tmp_path / "out.csv", encoding="utf-8-sig")
    assert [[row["tweet"], row["n"]] for row in rows] == cells
    assert [row["error"] for row in rows] == ["", NO_TEXT, NO_TEXT, ""]
    assert rows[1]["label"] == rows[1]["p_neutral"] == ""


@pytest.mark.parametrize("least", [0.8, 0.80001])
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz"])
def test_what_is_uncertain_has_a_column(tmp_path: Path, suffix: str, least: float) -> None:
    source = write_csv(tmp_path / "in.csv", ["id", "text"], [["1", "good"], ["2", ""]])
    score(FakePredictor(), source, tmp_path / f"out{suffix}", ScoreOptions(min_probability=least))
    scored = read_table(tmp_path / f"out{suffix}")
    assert scored.column_names == ["id", "text", *ADDED[:-1], "uncertain", "error"]
    good, blank = scored.column("uncertain").to_pylist()
    assert str(good).lower() == str(least > 0.8).lower()
    assert blank in (None, "")


def read_table(path: Path) -> pa.Table:
    if path.suffix == ".parquet":
        return pq.read_table(path)
    if path.suffix == ".jsonl":
        return pa.Table.from_pylist([json.loads(line) for line in path.read_text("utf-8").splitlines()])
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = csv.DictReader(io.StringIO(content.decode()), delimiter="\t" if path.suffix == ".tsv" else ",")
    return pa.Table.from_pylist(list(rows))


def test_a_short_row_is_filled_up(tiny_predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text,a,b\ngood\n", encoding="utf-8")
    score(tiny_predictor, tmp_path / "in.csv", tmp_path / "out.csv", ScoreOptions())
    assert rows_of(tmp_path / "out.csv")[0]["b"] == ""


def test_columns_that_are_there_already_are_left_alone(tiny_predictor: Predictor, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", ["label", "text"], [["gold", "good show"]])
    score(tiny_predictor, source, tmp_path / "out.csv", ScoreOptions())
    (row,) = rows_of(tmp_path / "out.csv")
    assert row["label"] == "gold"
    assert row["predicted_label"] in tiny_predictor.metadata.labels
    score(tiny_predictor, tmp_path / "out.csv", tmp_path / "again.csv", ScoreOptions())
    (again,) = rows_of(tmp_path / "again.csv")
    assert again["predicted_predicted_label"] == row["predicted_label"]
    assert {name: again[name] for name in row} == row


def test_columns_without_a_name_or_with_the_same(tiny_predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("v1,text,,,v1\nham,good show,,,x\n", encoding="utf-8")
    score(tiny_predictor, tmp_path / "in.csv", tmp_path / "out.csv", ScoreOptions())
    header, row = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert header.startswith("v1,text,,,v1,label,")
    assert row.startswith("ham,good show,,,x,")


def test_a_blank_line_of_one_column_is_a_row(tiny_predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\ngood\n\nbad\n", encoding="utf-8")
    assert score(tiny_predictor, tmp_path / "in.csv", tmp_path / "out.csv", ScoreOptions()).rows == 3
    assert [row["error"] for row in rows_of(tmp_path / "out.csv")] == ["", NO_TEXT, ""]


def test_bad_rows_stay_where_they_are_and_say_why(tiny_predictor: Predictor, tmp_path: Path) -> None:
    content = b"id,text\n1,good\n2\n3,so,many\n4,\n5,caf\xe9\n6," + b"x" * 10_001 + b'\n7,"open\n8,NA\n9,bad\n'
    (tmp_path / "in.csv").write_bytes(content)
    progress = score(tiny_predictor, tmp_path / "in.csv", tmp_path / "out.csv", ScoreOptions(encoding="utf-8"))
    assert progress[:4] == (9, 0, 7, 1.0)
    assert progress.error_kinds == {
        "# cell where the header has #": 1,
        "# cells where the header has #; what is beyond is joined to the last": 1,
        NO_TEXT: 1,
        "byte # is not UTF-8": 1,
        "# characters; at most # are accepted": 1,
        "not CSV: a quote is not closed": 1,
        "no text: NA stands for a missing value; in quotes it is a text": 1,
    }
    lines = (tmp_path / "out.csv").read_bytes().splitlines()[1:]
    with (tmp_path / "out.csv").open(encoding="utf-8", errors="replace", newline="") as file:
        header, *rows = csv.reader(file)
    assert {len(row) for row in rows} == {len(header)}
    assert [row[-1] for row in rows] == [
        "",
        "1 cell where the header has 2",
        "3 cells where the header has 2; what is beyond is joined to the last",
        NO_TEXT,
        "byte 0xe9 is not UTF-8",
        "10,001 characters; at most 10,000 are accepted",
        "not CSV: a quote is not closed",
        "no text: NA stands for a missing value; in quotes it is a text",
        "",
    ]
    assert [bool(row[2]) for row in rows] == [True, *[False] * 7, True]
    assert [rows[number][:2] for number in (1, 2, 6)] == [["2", ""], ["3", "so,many"], ['7,"open', ""]]
    assert b"caf\xe9" in lines[4]


def test_every_byte_of_the_own_columns_is_kept(tiny_predictor: Predictor, tmp_path: Path) -> None:
    source_lines = ["id;text", ' 1 ;"so ""good"";\nyes"', '"2";=1+1', "3;great 👍🏽"]
    (tmp_path / "in.csv").write_bytes("\r\n".join(source_lines).encode())
    score(tiny_predictor, tmp_path / "in.csv", tmp_path / "out.csv", ScoreOptions())
    lines = (tmp_path / "out.csv").read_bytes().decode().split("\r\n")
    assert lines.pop() == ""
    assert [line[: len(before)] for line, before in zip(lines, source_lines, strict=True)] == source_lines
    assert all(line[len(before)] == ";" for line, before in zip(lines, source_lines, strict=True))


def test_tsv_and_another_encoding(tiny_predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.tsv").write_bytes("text\tn\ncafé, good\t1\n".encode("latin-1"))
    score(tiny_predictor, tmp_path / "in.tsv", tmp_path / "out.csv", ScoreOptions(encoding="latin-1"))
    assert rows_of(tmp_path / "out.csv", encoding="utf-8-sig")[0]["text"] == "café, good"
    assert (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbf"), "or Excel would take it for the old one"


def test_parquet_in_and_out_keeps_types(tiny_predictor: Predictor, tmp_path: Path) -> None:
    texts = [TEXTS[i % 6] for i in range(2999)]
    pq.write_table(pa.table({"n": range(3000), "text": [*texts, None]}), tmp_path / "in.parquet")
    score(tiny_predictor, tmp_path / "in.parquet", tmp_path / "out.parquet", ScoreOptions())
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names == ["n", "text", *ADDED]
    assert table["n"].to_pylist() == list(range(3000))
    assert table["probability"].type == pa.float64()
    assert table["error"].to_pylist() == [None] * 2999 + [NO_TEXT]


def test_text_that_is_no_parquet(tiny_predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.parquet").write_bytes(b"text")
    with pytest.raises(FileError, match="not readable as Parquet"):
        score(tiny_predictor, tmp_path / "in.parquet", tmp_path / "out.csv", ScoreOptions())


def test_numbers_and_missing_ones_in_parquet(tiny_predictor: Predictor, tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": [0.0, None, 5.5]}), tmp_path / "in.parquet")
    with pytest.raises(FileError, match="not clear which column holds the texts"):
        score(tiny_predictor, tmp_path / "in.parquet", tmp_path / "out.csv", ScoreOptions())
    score(tiny_predictor, tmp_path / "in.parquet", tmp_path / "out.csv", ScoreOptions(text_column="text"))
    assert [row["error"] for row in rows_of(tmp_path / "out.csv")] == ["", NO_TEXT, ""]


def test_bytes_that_are_no_utf8_in_parquet(tiny_predictor: Predictor, tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": [b"so good", b"caf\xe9"]}), tmp_path / "in.parquet")
    for name in ("out.csv", "out.jsonl", "out.parquet"):
        assert score(tiny_predictor, tmp_path / "in.parquet", tmp_path / name, ScoreOptions()).errors == 1
    assert [row["error"] for row in rows_of(tmp_path / "out.csv")] == ["", "byte 0xe9 is not UTF-8"]
    assert pq.read_table(tmp_path / "out.parquet")["text"].to_pylist() == [b"so good", b"caf\xe9"]


def test_json_lines(tiny_predictor: Predictor, tmp_path: Path) -> None:
    objects = [
        '{"id": 1.0,  "text": "good show"}',
        "broken",
        '{"text": ""}',
        '{"id": 4}',
        '{"text": "bad", "label": "x"}',
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(objects), encoding="utf-8")
    score(tiny_predictor, tmp_path / "in.jsonl", tmp_path / "out.jsonl", ScoreOptions())
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith(objects[0][:-1])
    rows = [json.loads(line) for line in lines]
    assert list(rows[0]) == ["id", "text", *[f"predicted_{name}" for name in ADDED]], "for another has a label"
    assert [row["predicted_error"] for row in rows] == [None, "not a JSON object", NO_TEXT, "no key 'text'", None]
    assert rows[1]["line"] == "broken"
    assert rows[4]["label"] == "x"
    assert rows[4]["predicted_label"] in tiny_predictor.metadata.labels


def test_json_lines_to_every_other_kind(tiny_predictor: Predictor, tmp_path: Path) -> None:
    content = '{"id": 1, "text": "good show", "n": NaN}\nbroken\n{"text": true, "id": {"a": [1]}}\n'
    (tmp_path / "in.jsonl").write_text(content, encoding="utf-8")
    for name in ("out.csv", "out.parquet"):
        assert score(tiny_predictor, tmp_path / "in.jsonl", tmp_path / name, ScoreOptions()).rows == 3
    rows = rows_of(tmp_path / "out.csv")
    assert list(rows[0]) == ["id", "text", "n", *ADDED]
    assert [[row["id"], row["text"], row["n"]] for row in rows] == [
        ["1", "good show", ""],
        ["", "", ""],
        ['{"a": [1]}', "true", ""],
    ]
    assert rows[1]["error"] == """not a JSON object; beyond the last: '{"line": "broken"}'"""
    assert pq.read_table(tmp_path / "out.parquet").column_names == list(rows[0])


def test_csv_to_every_other_kind(tiny_predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b'n,text\n1,"good, show"\n2,bad,more\n')
    for name in ("out.tsv", "out.jsonl", "out.parquet"):
        assert score(tiny_predictor, tmp_path / "in.csv", tmp_path / name, ScoreOptions()).rows == 2
    with (tmp_path / "out.tsv").open(encoding="utf-8", newline="") as file:
        header, one, two = csv.reader(file, delimiter="\t")
    assert header == ["n", "text", *ADDED]
    assert one[:2] == ["1", "good, show"]
    assert two[:2] == ["2", "bad,more"]
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    table = pq.read_table(tmp_path / "out.parquet").to_pydict()
    assert list(table) == list(rows[0]) == header
    assert rows[0]["probability"] == table["probability"][0] == float(one[3])
    error = "3 cells where the header has 2; what is beyond is joined to the last"
    assert two[-1] == rows[1]["error"] == table["error"][1] == error


def test_bytes_that_are_not_utf8_go_to_every_kind(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b"text\ncaf\xe9\ngood\n")
    options = ScoreOptions(encoding="utf-8")
    for name in ("out.tsv", "out.jsonl"):
        assert score(FakePredictor(), tmp_path / "in.csv", tmp_path / name, options).rows == 2
        assert "caf\ufffd" in (tmp_path / name).read_text("utf-8")
    (tmp_path / "in.jsonl").write_bytes(b'{"text": "good", "x": "caf\xe9"}\n')
    score(FakePredictor(), tmp_path / "in.jsonl", tmp_path / "own.jsonl", options)
    assert (tmp_path / "own.jsonl").read_bytes().startswith(b'{"text": "good", "x": "caf\xe9", "label"')


def test_a_byte_that_the_named_encoding_lacks_is_not_scored(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b"text\ncaf\x81\n")
    score(FakePredictor(), tmp_path / "in.csv", tmp_path / "out.csv", ScoreOptions(encoding="cp1252"))
    assert rows_of(tmp_path / "out.csv")[0]["error"] == "a byte is not cp1252"
