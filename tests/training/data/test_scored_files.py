"""What `score` writes, read back by others: pandas, the csv module, R's rules, and a spreadsheet's."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest

from serving.scoring.score import ScoreOptions, score
from serving.tables.formats import Table
from tests.serving.csv_files import ADDED
from tests.serving.fakes import FakePredictor
from tests.training.data.excel import FORMULA, saved_by_excel

ROWS = [["1", "I love this"], ["2", "bad, really"], ["3", 'he said "good"'], ["4", "two\nlines"], ["5", "café 😀"]]
WRITTEN = {
    "pandas": pd.DataFrame(ROWS, columns=["id", "text"]).to_csv(index=False),
    "pandas with an index": pd.DataFrame(ROWS, columns=["id", "text"]).to_csv(),
    "pandas, all quoted": pd.DataFrame(ROWS, columns=["id", "text"]).to_csv(index=False, quoting=csv.QUOTE_ALL),
    "pandas, without a header": pd.DataFrame(ROWS, columns=["id", "text"]).to_csv(index=False, header=False),
    "R's write.table": '"id","text"\n' + "".join(f'"{n}","{n}","row {n} is good"\n' for n in range(1, 6)),
    "Excel": pd.DataFrame(ROWS, columns=["id", "text"]).to_csv(index=False, sep=";", lineterminator="\r\n"),
    "Excel's sep line": "sep=;\r\nid;text\r\n" + "".join(f"{n};row {n} is good\r\n" for n in range(1, 6)),
    "a title": "Export of May\n\nid,text\n" + "".join(f"{n},row {n} is good\n" for n in range(1, 6)),
    "rows of any width": "id,text\n1,I love this, really, so much\n2\n3,good\n4,a,b,c,d,e\n5,\n",
    "a quote by mistake": 'id,text\n1,good\n2,"bad\n3,good\n4,fine\n5,good\n',
    "one column of lines": 'text\nI love it, really\n"Great" movie, they said\nbad\n"a, b"\nfine\n',
    "tabs": "id\ttext\n" + "".join(f"{n}\trow {n}, good\n" for n in range(1, 6)),
    "pipes": "id|text\n" + "".join(f"{n}|row {n}, good\n" for n in range(1, 6)),
    "a delimiter at the end": "id,text\n" + "".join(f"{n},row {n} is good,\n" for n in range(1, 6)),
}


def delimiter_of(content: str) -> str:
    return next(each for each in ("\t", ";", "|", ",") if each + ADDED[0] in content)


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_every_reader_finds_as_many_rows_and_the_columns_where_they_were(tmp_path: Path, name: str, mark: str) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(mark + WRITTEN[name], encoding="utf-8", newline="")
    assert score(FakePredictor(), source, target, ScoreOptions()).rows == 5
    content = target.read_bytes().decode("utf-8-sig")
    assert target.read_bytes().startswith(b"\xef\xbb\xbf") == bool(mark)
    delimiter = delimiter_of(content)

    header, *rows = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    assert header[-len(ADDED) :] == ADDED
    # R takes the first column for names where the header has one cell less, and fills what is short.
    assert [len(row) for row in rows] == 5 * [len(header)]

    frame = pd.read_csv(target, sep=delimiter, dtype=str, keep_default_na=False)
    assert len(frame) == 5
    assert frame.to_numpy().tolist() == rows
    assert set(frame.label) <= {"positive", "neutral", "negative", ""}
    assert pd.to_numeric(frame.probability[frame.probability != ""]).between(0, 1).all()


@pytest.mark.parametrize("name", WRITTEN)
def test_excel_shows_as_many_rows_and_the_columns_where_they_were(tmp_path: Path, name: str) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(f"\ufeff{WRITTEN[name]}", encoding="utf-8", newline="")
    opened: list[Table] = []
    score(FakePredictor(), source, target, ScoreOptions(), on_opened=opened.append)
    list_separator = delimiter_of(target.read_text(encoding="utf-8-sig"))

    header, *rows = saved_by_excel(target, list_separator)
    names = [value for value, _ in header]
    own_names = [name or f"column_{number}" for number, name in enumerate(names[: -len(ADDED)], start=1)]
    assert own_names == opened[0].reader.names
    assert names[-len(ADDED) :] == ADDED
    frame = pd.read_csv(target, sep=list_separator, dtype=str, keep_default_na=False)
    text = own_names.index(opened[0].extract.text_name)
    assert [row[text][0] for row in rows] == [cell or None for cell in frame.iloc[:, text]]
    assert {row[names.index("label")][0] for row in rows} <= {"positive", "neutral", "negative", None}
    assert FORMULA not in {kind for row in rows for _, kind in row}


def test_excel_runs_no_formula_but_a_users_own(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("\ufeffid,text,sum\n=1+1,good,-1\n2,bad,@x\n3,=so,+y\n", encoding="utf-8")
    labels = ["=HYPERLINK(1)", "-x", "@SUM(1)"]
    score(FakePredictor(labels), tmp_path / "in.csv", tmp_path / "out.csv", ScoreOptions())
    own, scored = (saved_by_excel(tmp_path / name, ",") for name in ("in.csv", "out.csv"))
    assert [row[:3] for row in scored] == own
    assert {row[3][0] for row in scored[1:]} <= {f"'{label}" for label in labels}
    assert FORMULA not in {kind for row in scored for _, kind in row[3:]}


def test_numbers_of_a_file_with_decimal_commas_have_them_too(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id;text;Wert\n1;good;0,5\n2;bad;1,25\n", encoding="utf-8")
    score(FakePredictor(), tmp_path / "in.csv", tmp_path / "out.csv", ScoreOptions())
    frame = pd.read_csv(tmp_path / "out.csv", sep=";", decimal=",")
    assert frame.Wert.tolist() == [0.5, 1.25]
    assert frame.probability.tolist() == [0.8, 0.8]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".parquet", ".jsonl", ".json.gz"])
def test_jsonl_is_written_to_every_format(tmp_path: Path, suffix: str) -> None:
    lines = '{"id": 1, "text": "good", "seen": true, "tags": ["a", "b"]}\n{"text": "bad", "seen": false, "id": null}\n'
    (tmp_path / "in.jsonl").write_text(lines, encoding="utf-8")
    target = tmp_path / f"out{suffix}"
    score(FakePredictor(), tmp_path / "in.jsonl", target, ScoreOptions())
    readers = {
        ".csv": lambda: pd.read_csv(target, dtype=str, keep_default_na=False),
        ".csv.gz": lambda: pd.read_csv(target, dtype=str, keep_default_na=False),
        ".tsv": lambda: pd.read_csv(target, sep="\t", dtype=str, keep_default_na=False),
        ".parquet": lambda: pd.read_parquet(target).fillna("").astype(str),
        ".jsonl": lambda: pd.read_json(target, lines=True, dtype=False),
        ".json.gz": lambda: pd.read_json(target, lines=True, dtype=False),
    }
    frame = readers[suffix]()
    assert frame.text.tolist() == ["good", "bad"]
    assert frame.label.tolist() == ["positive", "negative"]
    assert [str(value).lower() for value in frame.seen] == ["true", "false"]
    if "json" not in suffix:
        assert frame.tags.tolist() == ['["a", "b"]', ""]
        assert frame.id.tolist() == ["1", ""]


def test_labels_that_are_numbers_stay_so(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\nbad\nso\ngood\n", encoding="utf-8")
    score(FakePredictor(["-1", "0", "1"]), tmp_path / "in.csv", tmp_path / "out.csv", ScoreOptions())
    assert pd.read_csv(tmp_path / "out.csv").label.tolist() == [-1, 0, 1]
