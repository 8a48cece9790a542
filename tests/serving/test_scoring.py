import csv
from pathlib import Path

import pandas as pd
import pytest

from serving.errors import FileError
from serving.predictor import Predictor
from serving.scoring import NOTHING_TO_READ, score_file
from tests.bundles import TEXTS, edit_metadata

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
        (b"text\ngood\n\xff\xfe\n", "is not utf-8"),
        (b'text,n\nhi,1\n"oops,2\nthird,3\n', "is not CSV: unexpected end of data"),
        (b"text,text\na,b\n", "2 columns 'text'"),
        (b"text\ngood,one too many\n", "line 2 has 2 cells, the header 1"),
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
