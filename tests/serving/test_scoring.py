import io
from pathlib import Path

import pytest

from serving.errors import FileError
from serving.predictor import Predictor
from serving.rows.records import MAX_RECORD
from serving.scoring import PIPE, Options, Progress, score, score_file
from tests.bundles import TEXTS, edit_metadata
from tests.serving.fakes import FakePredictor
from tests.serving.tables import ADDED, rows_of, write_csv


def test_every_row_comes_back_in_order_with_its_own_answer(tiny_predictor: Predictor, tmp_path: Path) -> None:
    texts = [f"{TEXTS[i % len(TEXTS)]} {i}" for i in range(5000)]
    source = write_csv(tmp_path / "in.csv", ["id", "text"], [[str(i), text] for i, text in enumerate(texts)])
    done: list[int] = []
    assert score_file(tiny_predictor, source, tmp_path / "out.csv", progress=done.append) == 5000
    found = rows_of(tmp_path / "out.csv")
    assert list(found[0]) == ["id", "text", *ADDED]
    assert [row["id"] for row in found] == [str(i) for i in range(5000)]
    assert done == [2048, 4096, 5000]
    for i in (0, 2047, 2048, 4999):
        (expected,) = tiny_predictor.predict([texts[i]])
        assert found[i]["label"] == expected.label
        assert float(found[i]["probability"]) == pytest.approx(expected.probability, abs=1e-6)


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
    tiny_predictor: Predictor, tmp_path: Path, content: bytes, fault: str
) -> None:
    (tmp_path / "in.csv").write_bytes(content)
    (tmp_path / "out.csv").write_text("old", encoding="utf-8")
    with pytest.raises(FileError, match=fault):
        score_file(tiny_predictor, tmp_path / "in.csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


@pytest.mark.parametrize("name", ["in.xlsx", "missing.csv"])
def test_a_file_that_is_not_there_or_unknown(tiny_predictor: Predictor, tmp_path: Path, name: str) -> None:
    with pytest.raises(FileError, match="no such file"):
        score_file(tiny_predictor, tmp_path / name, tmp_path / "out.csv")
    with pytest.raises(FileError, match=r"unknown kind of file; accepted: \.csv, \.tsv, \.parquet"):
        score_file(tiny_predictor, tmp_path / "in.csv", tmp_path / "out.json")


def test_the_input_is_never_overwritten(tiny_predictor: Predictor, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", ["text"], [["good"]])
    with pytest.raises(FileError, match="is the input"):
        score_file(tiny_predictor, source, tmp_path / ".." / tmp_path.name / "in.csv")
    assert source.read_text(encoding="utf-8") == "text\ngood\n"


def test_the_column_is_the_one_that_the_model_was_made_with(bundle: Path, tmp_path: Path) -> None:
    edit_metadata(bundle, lambda content: content["recipe"]["data"].update(text="tweet"))
    source = write_csv(tmp_path / "in.csv", ["tweet"], [["good"]])
    assert score_file(Predictor.load(bundle), source, tmp_path / "out.csv") == 1


def test_a_place_that_cannot_be_written(tiny_predictor: Predictor, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", ["text"], [["good"]])
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(FileError, match="is a folder"):
        score_file(tiny_predictor, source, tmp_path / "folder.csv")
    with pytest.raises(FileError, match="cannot be written"):
        score_file(tiny_predictor, source, source / "out.csv")


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
