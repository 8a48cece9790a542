"""Scoring from and to every kind of file."""

import csv
import json
from pathlib import Path

import pandas as pd
import pytest

from serving.errors import FileError
from serving.model.predictor import Predictor
from serving.scoring.score import NOTHING_TO_READ, Options, score, score_file
from tests.bundles import TEXTS
from tests.serving.csv_files import ADDED, rows_of
from tests.serving.fakes import FakePredictor


def test_tsv_and_another_encoding(tiny_predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.tsv").write_bytes("text\tn\ncafé, good\t1\n".encode("latin-1"))
    score_file(tiny_predictor, tmp_path / "in.tsv", tmp_path / "out.csv", encoding="latin-1")
    assert rows_of(tmp_path / "out.csv")[0]["text"] == "café, good"


def test_parquet_in_and_out_keeps_types(tiny_predictor: Predictor, tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": range(3000), "text": [TEXTS[i % 6] for i in range(2999)] + [None]})
    frame.to_parquet(tmp_path / "in.parquet")
    score_file(tiny_predictor, tmp_path / "in.parquet", tmp_path / "out.parquet")
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert list(found.columns) == ["n", "text", *ADDED]
    assert found.n.tolist() == list(range(3000))
    assert found.probability.dtype == "float64"
    assert found.error.iloc[-1] == NOTHING_TO_READ
    assert found.error.iloc[:-1].isna().all()


def test_text_that_is_no_parquet(tiny_predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.parquet").write_bytes(b"text")
    with pytest.raises(FileError, match="not readable as Parquet"):
        score_file(tiny_predictor, tmp_path / "in.parquet", tmp_path / "out.csv")


def test_numbers_and_missing_ones_in_parquet(tiny_predictor: Predictor, tmp_path: Path) -> None:
    pd.DataFrame({"text": [0.0, None, 5.5]}).to_parquet(tmp_path / "in.parquet")
    score_file(tiny_predictor, tmp_path / "in.parquet", tmp_path / "out.csv")
    assert [row["error"] for row in rows_of(tmp_path / "out.csv")] == ["", NOTHING_TO_READ, ""]


def test_json_lines(tiny_predictor: Predictor, tmp_path: Path) -> None:
    own = ['{"id": 1.0,  "text": "good show"}', "broken", '{"text": ""}', '{"id": 4}', '{"text": "bad", "label": "x"}']
    (tmp_path / "in.jsonl").write_text("\n".join(own), encoding="utf-8")
    score_file(tiny_predictor, tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith(own[0][:-1])
    rows = [json.loads(line) for line in lines]
    assert list(rows[0]) == ["id", "text", *ADDED]
    assert [row.get("error") for row in rows[:4]] == [None, "not a JSON object", NOTHING_TO_READ, "no key 'text'"]
    assert rows[1]["line"] == "broken"
    assert rows[4]["label"] == "x"
    assert rows[4]["predicted_label"] in tiny_predictor.metadata.labels
    with pytest.raises(FileError, match=r"JSONL has no fixed columns, so its output cannot be \.csv"):
        score_file(tiny_predictor, tmp_path / "in.jsonl", tmp_path / "out.csv")


def test_csv_to_every_other_kind(tiny_predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b'n,text\n1,"good, show"\n2,bad,more\n')
    for name in ("out.tsv", "out.jsonl", "out.parquet"):
        assert score_file(tiny_predictor, tmp_path / "in.csv", tmp_path / name) == 2
    with (tmp_path / "out.tsv").open(encoding="utf-8", newline="") as file:
        header, one, two = csv.reader(file, delimiter="\t")
    assert header == ["n", "text", *ADDED]
    assert one[:2] == ["1", "good, show"]
    assert two[-2:] == ["3 cells where the header has 2", "more"]
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    frame = pd.read_parquet(tmp_path / "out.parquet")
    assert list(frame.columns) == list(rows[0]) == header
    assert [row["probability"] for row in rows[:1]] == frame.probability.tolist()[:1] == [float(one[3])]
    assert rows[1]["error"] == frame.error[1] == "3 cells where the header has 2; beyond the last: 'more'"


def test_bytes_that_are_not_utf8_go_to_every_kind(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b"text\ncaf\xe9\ngood\n")
    for name in ("out.tsv", "out.jsonl"):
        assert score(FakePredictor(), tmp_path / "in.csv", tmp_path / name, Options()).rows == 2
        assert "caf\ufffd" in (tmp_path / name).read_text("utf-8")
    (tmp_path / "in.jsonl").write_bytes(b'{"text": "good", "x": "caf\xe9"}\n')
    score(FakePredictor(), tmp_path / "in.jsonl", tmp_path / "own.jsonl", Options())
    assert (tmp_path / "own.jsonl").read_bytes().startswith(b'{"text": "good", "x": "caf\xe9", "label"')


def test_a_byte_that_the_named_encoding_lacks_is_not_scored(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b"text\ncaf\x81\n")
    score(FakePredictor(), tmp_path / "in.csv", tmp_path / "out.csv", Options(encoding="cp1252"))
    assert rows_of(tmp_path / "out.csv")[0]["error"] == "a byte is not cp1252"
