import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from threading import Event

import pandas as pd
import pytest

from serving.errors import FileError
from serving.predictor import Prediction, Predictor
from serving.rows.records import MAX_RECORD
from serving.scoring import NOTHING_TO_READ, PIPE, Options, Progress, score, score_file
from tests.bundles import TEXTS, edit_metadata
from tests.serving.fakes import FakePredictor

ADDED = ["label", "probability", "p_negative", "p_neutral", "p_positive", "error"]


@pytest.fixture(scope="module")
def predictor(pristine_bundle: Path) -> Predictor:
    return Predictor.load(pristine_bundle)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_csv(path: Path, header: list[str], rows: list[list[str]], encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_every_row_comes_back_in_order_with_its_own_answer(predictor: Predictor, tmp_path: Path) -> None:
    texts = [f"{TEXTS[i % len(TEXTS)]} {i}" for i in range(5000)]
    source = write_csv(tmp_path / "in.csv", ["id", "text"], [[str(i), text] for i, text in enumerate(texts)])
    done: list[int] = []
    assert score_file(predictor, source, tmp_path / "out.csv", progress=done.append) == 5000
    found = rows_of(tmp_path / "out.csv")
    assert list(found[0]) == ["id", "text", *ADDED]
    assert [row["id"] for row in found] == [str(i) for i in range(5000)]
    assert done == [2048, 4096, 5000]
    for i in (0, 2047, 2048, 4999):
        (expected,) = predictor.predict([texts[i]])
        assert found[i]["label"] == expected.label
        assert float(found[i]["probability"]) == pytest.approx(expected.probability, abs=1e-6)


def test_what_a_spreadsheet_writes_is_kept(predictor: Predictor, tmp_path: Path) -> None:
    cells = [['say "hi",\nthen go', "1"], ["", "2"], ["  ", "3"], ["great 👍🏽", "=1+1"]]
    source = write_csv(tmp_path / "in.csv", ["tweet", "n"], cells, encoding="utf-8-sig")
    score_file(predictor, source, tmp_path / "out.csv", text_column="tweet")
    found = rows_of(tmp_path / "out.csv")
    assert [[row["tweet"], row["n"]] for row in found] == cells
    assert [row["error"] for row in found] == ["", NOTHING_TO_READ, NOTHING_TO_READ, ""]
    assert found[1]["label"] == found[1]["p_neutral"] == ""


def test_a_short_row_is_filled_up(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text,a,b\ngood\n", encoding="utf-8")
    score_file(predictor, tmp_path / "in.csv", tmp_path / "out.csv")
    assert rows_of(tmp_path / "out.csv")[0]["b"] == ""


def test_columns_that_are_there_already_are_left_alone(predictor: Predictor, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", ["label", "text"], [["gold", "good show"]])
    score_file(predictor, source, tmp_path / "out.csv")
    (row,) = rows_of(tmp_path / "out.csv")
    assert row["label"] == "gold"
    assert row["predicted_label"] in predictor.metadata.labels
    score_file(predictor, tmp_path / "out.csv", tmp_path / "again.csv")
    (again,) = rows_of(tmp_path / "again.csv")
    assert again["predicted_predicted_label"] == row["predicted_label"]
    assert {name: again[name] for name in row} == row


def test_columns_without_a_name_or_with_the_same(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("v1,text,,,v1\nham,good show,,,x\n", encoding="utf-8")
    score_file(predictor, tmp_path / "in.csv", tmp_path / "out.csv")
    header, row = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert header.startswith("v1,text,,,v1,label,")
    assert row.startswith("ham,good show,,,x,")


def test_a_blank_line_of_one_column_is_a_row(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\ngood\n\nbad\n", encoding="utf-8")
    assert score_file(predictor, tmp_path / "in.csv", tmp_path / "out.csv") == 3
    assert [row["error"] for row in rows_of(tmp_path / "out.csv")] == ["", NOTHING_TO_READ, ""]


def test_tsv_and_another_encoding(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.tsv").write_bytes("text\tn\ncafé, good\t1\n".encode("latin-1"))
    score_file(predictor, tmp_path / "in.tsv", tmp_path / "out.csv", encoding="latin-1")
    assert rows_of(tmp_path / "out.csv")[0]["text"] == "café, good"


def test_parquet_in_and_out_keeps_types(predictor: Predictor, tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": range(3000), "text": [TEXTS[i % 6] for i in range(2999)] + [None]})
    frame.to_parquet(tmp_path / "in.parquet")
    score_file(predictor, tmp_path / "in.parquet", tmp_path / "out.parquet")
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert list(found.columns) == ["n", "text", *ADDED]
    assert found.n.tolist() == list(range(3000))
    assert found.probability.dtype == "float64"
    assert found.error.iloc[-1] == NOTHING_TO_READ
    assert found.error.iloc[:-1].isna().all()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty"),
        (b"text\n", "has no rows"),
        (b"tweet\ngood\n", "no column 'text'; found: 'tweet'"),
        (b"te\xe9xt,text\na,good\n", "the header is not utf-8"),
        (b'"text\nhi\n', "the header is not CSV: unexpected end of data"),
        (b"text,text\na,b\n", "2 columns 'text'"),
        (b"text\n" + b"x" * (MAX_RECORD + 1), "line 2 has more than 1,048,576 characters"),
    ],
)
def test_a_bad_file_is_refused_and_leaves_nothing(
    predictor: Predictor, tmp_path: Path, content: bytes, fault: str
) -> None:
    (tmp_path / "in.csv").write_bytes(content)
    (tmp_path / "out.csv").write_text("old", encoding="utf-8")
    with pytest.raises(FileError, match=fault):
        score_file(predictor, tmp_path / "in.csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


@pytest.mark.parametrize("name", ["in.xlsx", "missing.csv"])
def test_a_file_that_is_not_there_or_unknown(predictor: Predictor, tmp_path: Path, name: str) -> None:
    with pytest.raises(FileError, match="no such file"):
        score_file(predictor, tmp_path / name, tmp_path / "out.csv")
    with pytest.raises(FileError, match=r"unknown kind of file; accepted: \.csv, \.tsv, \.parquet"):
        score_file(predictor, tmp_path / "in.csv", tmp_path / "out.json")


def test_text_that_is_no_parquet(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.parquet").write_bytes(b"text")
    with pytest.raises(FileError, match="not readable as Parquet"):
        score_file(predictor, tmp_path / "in.parquet", tmp_path / "out.csv")


def test_the_input_is_never_overwritten(predictor: Predictor, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", ["text"], [["good"]])
    with pytest.raises(FileError, match="is the input"):
        score_file(predictor, source, tmp_path / ".." / tmp_path.name / "in.csv")
    assert source.read_text(encoding="utf-8") == "text\ngood\n"


def test_the_column_is_the_one_that_the_model_was_made_with(bundle: Path, tmp_path: Path) -> None:
    edit_metadata(bundle, lambda content: content["recipe"]["data"].update(text="tweet"))
    source = write_csv(tmp_path / "in.csv", ["tweet"], [["good"]])
    assert score_file(Predictor.load(bundle), source, tmp_path / "out.csv") == 1


def test_a_place_that_cannot_be_written(predictor: Predictor, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", ["text"], [["good"]])
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(FileError, match="is a folder"):
        score_file(predictor, source, tmp_path / "folder.csv")
    with pytest.raises(FileError, match="cannot be written"):
        score_file(predictor, source, source / "out.csv")


def test_numbers_and_missing_ones_in_parquet(predictor: Predictor, tmp_path: Path) -> None:
    pd.DataFrame({"text": [0.0, None, 5.5]}).to_parquet(tmp_path / "in.parquet")
    score_file(predictor, tmp_path / "in.parquet", tmp_path / "out.csv")
    assert [row["error"] for row in rows_of(tmp_path / "out.csv")] == ["", NOTHING_TO_READ, ""]


def test_bad_rows_stay_where_they_are_and_say_why(predictor: Predictor, tmp_path: Path) -> None:
    own = b"id,text\n1,good\n2\n3,so,many\n4,\n5,caf\xe9\n6," + b"x" * 10_001 + b'\n7,"open\n8,bad\n'
    (tmp_path / "in.csv").write_bytes(own)
    assert score(predictor, tmp_path / "in.csv", tmp_path / "out.csv", Options()) == Progress(8, 0, 6, 1.0)
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


def test_every_byte_of_the_own_columns_is_kept(predictor: Predictor, tmp_path: Path) -> None:
    own = ["id;text", ' 1 ;"so ""good"";\nyes"', '"2";=1+1', "3;great 👍🏽"]
    (tmp_path / "in.csv").write_bytes("\r\n".join(own).encode())
    score_file(predictor, tmp_path / "in.csv", tmp_path / "out.csv")
    lines = (tmp_path / "out.csv").read_bytes().decode().split("\r\n")
    assert lines.pop() == ""
    assert [line[: len(before)] for line, before in zip(lines, own, strict=True)] == own
    assert all(line[len(before)] == ";" for line, before in zip(lines, own, strict=True))


def test_json_lines(predictor: Predictor, tmp_path: Path) -> None:
    own = ['{"id": 1.0,  "text": "good show"}', "broken", '{"text": ""}', '{"id": 4}', '{"text": "bad", "label": "x"}']
    (tmp_path / "in.jsonl").write_text("\n".join(own), encoding="utf-8")
    score_file(predictor, tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith(own[0][:-1])
    rows = [json.loads(line) for line in lines]
    assert list(rows[0]) == ["id", "text", *ADDED]
    assert [row.get("error") for row in rows[:4]] == [None, "not a JSON object", NOTHING_TO_READ, "no key 'text'"]
    assert rows[1]["line"] == "broken"
    assert rows[4]["label"] == "x"
    assert rows[4]["predicted_label"] in predictor.metadata.labels
    with pytest.raises(FileError, match=r"JSONL has no fixed columns, so its output cannot be \.csv"):
        score_file(predictor, tmp_path / "in.jsonl", tmp_path / "out.csv")


def test_csv_to_every_other_kind(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b'n,text\n1,"good, show"\n2,bad,more\n')
    for name in ("out.tsv", "out.jsonl", "out.parquet"):
        assert score_file(predictor, tmp_path / "in.csv", tmp_path / name) == 2
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


def test_standard_input_and_output(monkeypatch: pytest.MonkeyPatch) -> None:
    target = io.BytesIO()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"text\ngood\n")))
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(target))
    assert score(FakePredictor(), PIPE, PIPE, Options(kind="csv")) == Progress(1, 0, 0, None)
    lines = target.getvalue().decode().splitlines()
    assert lines == ["text," + ",".join(ADDED), "good,positive,0.8,0.1,0.1,0.8,"]


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (Options(), "a pipe needs --format"),
        (Options(kind="parquet"), "accepted: csv, tsv, jsonl, found: parquet"),
        (Options(kind="csv", resume=True), "a pipe cannot be resumed"),
    ],
)
def test_what_a_pipe_cannot_do(tmp_path: Path, options: Options, fault: str) -> None:
    with pytest.raises(FileError, match=fault):
        score(FakePredictor(), PIPE, tmp_path / "out.csv", options)
