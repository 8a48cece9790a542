"""What scoring leaves of a row, and says of one that it cannot score."""

import csv
from pathlib import Path

from serving.model.predictor import Predictor
from serving.scoring.score import NOTHING_TO_READ, Options, Progress, score, score_file
from tests.serving.csv_files import rows_of, write_csv


def test_what_a_spreadsheet_writes_is_kept(tiny_predictor: Predictor, tmp_path: Path) -> None:
    cells = [['say "hi",\nthen go', "1"], ["", "2"], ["  ", "3"], ["great 👍🏽", "=1+1"]]
    source = write_csv(tmp_path / "in.csv", ["tweet", "n"], cells, encoding="utf-8-sig")
    score_file(tiny_predictor, source, tmp_path / "out.csv", text_column="tweet")
    found = rows_of(tmp_path / "out.csv")
    assert [[row["tweet"], row["n"]] for row in found] == cells
    assert [row["error"] for row in found] == ["", NOTHING_TO_READ, NOTHING_TO_READ, ""]
    assert found[1]["label"] == found[1]["p_neutral"] == ""


def test_a_short_row_is_filled_up(tiny_predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text,a,b\ngood\n", encoding="utf-8")
    score_file(tiny_predictor, tmp_path / "in.csv", tmp_path / "out.csv")
    assert rows_of(tmp_path / "out.csv")[0]["b"] == ""


def test_columns_that_are_there_already_are_left_alone(tiny_predictor: Predictor, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", ["label", "text"], [["gold", "good show"]])
    score_file(tiny_predictor, source, tmp_path / "out.csv")
    (row,) = rows_of(tmp_path / "out.csv")
    assert row["label"] == "gold"
    assert row["predicted_label"] in tiny_predictor.metadata.labels
    score_file(tiny_predictor, tmp_path / "out.csv", tmp_path / "again.csv")
    (again,) = rows_of(tmp_path / "again.csv")
    assert again["predicted_predicted_label"] == row["predicted_label"]
    assert {name: again[name] for name in row} == row


def test_columns_without_a_name_or_with_the_same(tiny_predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("v1,text,,,v1\nham,good show,,,x\n", encoding="utf-8")
    score_file(tiny_predictor, tmp_path / "in.csv", tmp_path / "out.csv")
    header, row = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert header.startswith("v1,text,,,v1,label,")
    assert row.startswith("ham,good show,,,x,")


def test_a_blank_line_of_one_column_is_a_row(tiny_predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\ngood\n\nbad\n", encoding="utf-8")
    assert score_file(tiny_predictor, tmp_path / "in.csv", tmp_path / "out.csv") == 3
    assert [row["error"] for row in rows_of(tmp_path / "out.csv")] == ["", NOTHING_TO_READ, ""]


def test_bad_rows_stay_where_they_are_and_say_why(tiny_predictor: Predictor, tmp_path: Path) -> None:
    own = b"id,text\n1,good\n2\n3,so,many\n4,\n5,caf\xe9\n6," + b"x" * 10_001 + b'\n7,"open\n8,bad\n'
    (tmp_path / "in.csv").write_bytes(own)
    assert score(tiny_predictor, tmp_path / "in.csv", tmp_path / "out.csv", Options()) == Progress(8, 0, 6, 1.0)
    lines = (tmp_path / "out.csv").read_bytes().splitlines()[1:]
    assert [line.partition(b",,,,,,")[0] for line in lines[1:3]] == [b"2", b"3,so"]
    with (tmp_path / "out.csv").open(encoding="utf-8", errors="replace", newline="") as file:
        rows = list(csv.reader(file))[1:]
    assert [row[7] for row in rows] == [
        "",
        "1 cell where the header has 2",
        "3 cells where the header has 2",
        NOTHING_TO_READ,
        "byte 0xe9 is not UTF-8",
        "10,001 characters; at most 10,000 are accepted",
        "not CSV: unexpected end of data",
        "",
    ]
    assert [bool(row[2]) for row in rows] == [True, *[False] * 6, True]
    assert rows[2] == ["3", "so", "", "", "", "", "", "3 cells where the header has 2", "many"]
    assert rows[6][:2] == ['7,"open', ""]
    assert b"caf\xe9" in lines[4]


def test_every_byte_of_the_own_columns_is_kept(tiny_predictor: Predictor, tmp_path: Path) -> None:
    own = ["id;text", ' 1 ;"so ""good"";\nyes"', '"2";=1+1', "3;great 👍🏽"]
    (tmp_path / "in.csv").write_bytes("\r\n".join(own).encode())
    score_file(tiny_predictor, tmp_path / "in.csv", tmp_path / "out.csv")
    lines = (tmp_path / "out.csv").read_bytes().decode().split("\r\n")
    assert lines.pop() == ""
    assert [line[: len(before)] for line, before in zip(lines, own, strict=True)] == own
    assert all(line[len(before)] == ";" for line, before in zip(lines, own, strict=True))
