import gzip
import hashlib
from pathlib import Path

import pandas as pd
import pytest

from training.data.readers import column, fingerprint, read_table, texts
from training.errors import DataError

ROWS = [["null", "1"], ['a "quote", a comma\nand a line', "2"], ["", "3"], ["naïve 👍", "x"]]
FRAME = pd.DataFrame(ROWS, columns=["text", "label"])


def check(path: Path, encoding: str = "utf-8") -> None:
    read = read_table(path, encoding)
    assert read[["text", "label"]].to_numpy().tolist() == ROWS


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.CSV"])
def test_delimited(tmp_path: Path, name: str) -> None:
    FRAME.to_csv(tmp_path / name, index=False)
    check(tmp_path / name)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_csv_may_have_another_delimiter(tmp_path: Path, name: str, delimiter: str) -> None:
    FRAME.to_csv(tmp_path / name, index=False, sep=delimiter, encoding="utf-8-sig")
    check(tmp_path / name)


def test_columns_of_one_name_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label,text,,\na,b,c,d,e\n", encoding="utf-8")
    table = read_table(tmp_path / "a.csv", "utf-8")
    with pytest.raises(DataError, match=r"no column 'text'; found: 'text \(column 1\)', 'label', 'text \(column 3\)'"):
        column(table, "text", tmp_path / "a.csv")
    assert column(table, "text (column 3)", tmp_path / "a.csv").tolist() == ["c"]


def test_half_a_character_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "fine"}\n{"text": "cut \\ud83d"}\n', encoding="utf-8")
    with pytest.raises(DataError, match="row 2 is not utf-8, or has half a character"):
        read_table(tmp_path / "a.jsonl", "utf-8")


def test_what_only_python_calls_an_encoding(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\na\n", encoding="utf-8")
    with pytest.raises(DataError, match="unknown encoding 'hex'; accepted"):
        read_table(tmp_path / "a.csv", "hex")


def test_the_delimiter_is_that_of_the_first_line_with_names(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\n\ntext;label\nfine, thanks;pos\n", encoding="utf-8")
    assert read_table(tmp_path / "a.csv", "utf-8").to_numpy().tolist() == [["fine, thanks", "pos"]]


def test_tsv(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('text\tlabel\n"Best, day"\tpos\n', encoding="utf-8")
    assert read_table(tmp_path / "a.tsv", "utf-8").to_numpy().tolist() == [["Best, day", "pos"]]


def test_quotes_that_are_signs_like_others(tmp_path: Path) -> None:
    rows = 'text\tlabel\n"Best day\tpos\nbad\tneg\n"Oh no\tneg\n'
    (tmp_path / "a.tsv").write_text(rows, encoding="utf-8")
    assert read_table(tmp_path / "a.tsv", "utf-8").text.tolist() == ['"Best day', "bad", '"Oh no'], "each line is a row"
    (tmp_path / "a.csv").write_text(rows.replace("\t", ","), encoding="utf-8")
    with pytest.raises(DataError, match=r"row 1 is not readable: .* data\.quoted = false"):
        read_table(tmp_path / "a.csv", "utf-8")
    assert read_table(tmp_path / "a.csv", "utf-8", quoted=False).text.tolist() == ['"Best day', "bad", '"Oh no']


def test_a_quoted_cell_of_several_lines_is_told_in_a_tsv(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('text\tlabel\n"Best\nday"\tpos\nbad\tneg\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"runs over several lines; .* data\.quoted = false"):
        read_table(tmp_path / "a.tsv", "utf-8")


def test_columns_are_never_shifted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nhello,pos,\nbye,neg,\n", encoding="utf-8")
    assert read_table(tmp_path / "a.csv", "utf-8").columns.tolist() == ["text", "label", "column_3"]
    (tmp_path / "a.csv").write_text("text,label\na,b,c\nhello,pos\nbye,neg\n", encoding="utf-8")
    with pytest.raises(DataError, match="row 1 is not readable: 3 cells where the header has 2"):
        read_table(tmp_path / "a.csv", "utf-8")


def test_without_a_header_columns_are_numbered(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("0,I love this so much\n4,I hate this\n", encoding="utf-8")
    notes: list[str] = []
    table = read_table(tmp_path / "a.csv", "utf-8", notes=notes)
    assert table.to_numpy().tolist() == [["0", "I love this so much"], ["4", "I hate this"]]
    assert table.columns.tolist() == ["column_1", "column_2"]
    assert "without a header" in notes[0]
    assert read_table(tmp_path / "a.csv", "utf-8", header="true").columns.tolist() == ["0", "I love this so much"]


def test_whole_numbers_beside_nulls_stay_whole(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["a", "b"], "label": [1, None]}, dtype=object).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"label": pd.array([1, None], "Int64")}).to_parquet(tmp_path / "b.parquet")
    (tmp_path / "a.jsonl").write_text(
        '\ufeff{"label": 1}\n\n{"text": "b"}\n{"label": 12345678901234567890123}\n', "utf-8"
    )
    assert read_table(tmp_path / "b.parquet", "utf-8").label.tolist() == ["1", ""]
    assert read_table(tmp_path / "a.jsonl", "utf-8").label.tolist() == ["1", "", "12345678901234567890123"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_jsonl(tmp_path: Path, name: str) -> None:
    FRAME.to_json(tmp_path / name, orient="records", lines=True)
    check(tmp_path / name)


def test_parquet(tmp_path: Path) -> None:
    FRAME.to_parquet(tmp_path / "a.parquet")
    check(tmp_path / "a.parquet")


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "a.csv", index=False, encoding="utf-8-sig")
    check(tmp_path / "a.csv")


def test_a_declared_encoding(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("text\ncafé\n".encode("latin-1"))
    assert read_table(tmp_path / "a.csv", "latin-1").text.tolist() == ["café"]


def test_null_and_numbers_become_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": null, "label": 1}\n{"label": 0}\n', encoding="utf-8")
    read = read_table(tmp_path / "a.jsonl", "utf-8")
    assert read.text.tolist() == ["", ""]
    assert read.label.tolist() == ["1", "0"]


@pytest.mark.parametrize(
    ("name", "content", "encoding", "fault"),
    [
        ("a.csv", "café".encode("latin-1"), "utf-8", "it is not UTF-8"),
        ("a.csv", b"text\nx\n", "utf-9", "unknown encoding 'utf-9'"),
        ("a.csv", b"", "utf-8", "it is empty"),
        ("a.csv", b"text,label\n", "utf-8", "has no rows; found columns: 'text', 'label'"),
        ("a.csv", b'text,n\n"open', "utf-8", "row 1 is not readable: not CSV"),
        ("a.jsonl", b'{"text": "a"}\n{', "utf-8", "row 2 is not readable: not a JSON object"),
        ("a.jsonl", b'{"text": "a"}\n["b"]', "utf-8", "row 2 is not readable: not a JSON object"),
        ("a.parquet", b"PAR1", "utf-8", "is not readable as parquet"),
        ("a.csv.gz", b"text\nx\n", "utf-8", "cannot be read"),
        ("a.xlsx", b"", "utf-8", "unknown kind of file; accepted: .jsonl, "),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, name: str, content: bytes, encoding: str, fault: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / name, encoding)
    assert str(tmp_path / name) in str(caught.value)
    assert fault in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_table(tmp_path / "a.csv", "utf-8")


def test_a_cut_off_archive(tmp_path: Path) -> None:
    content = gzip.compress(b"text\n" + b"".join(b"row %d\n" % i for i in range(1000)))
    (tmp_path / "a.csv.gz").write_bytes(content[:-200])
    with pytest.raises(DataError, match=r"a\.csv\.gz"):
        read_table(tmp_path / "a.csv.gz", "utf-8")


def test_a_wrong_column_names_those_there_are() -> None:
    with pytest.raises(DataError, match=r"a\.csv: no column 'tweet'; found: 'text', 'label'"):
        column(FRAME, "tweet", Path("a.csv"))


def test_a_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"text\nx\n")
    found = fingerprint(tmp_path / "a.csv", 1)
    assert (found.file, found.rows, found.sha256) == ("a.csv", 1, hashlib.sha256(b"text\nx\n").hexdigest())


def test_rows_of_frames_that_were_joined_are_numbered_anew(tmp_path: Path) -> None:
    pd.concat([FRAME, FRAME]).to_parquet(tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet", "utf-8").index.tolist() == list(range(8))


def test_texts_are_found_as_the_service_finds_them_where_nobody_named_their_column() -> None:
    frame, notes = pd.DataFrame([["1", "I love it", "x"]], columns=["id", "tweetText", "user_bio"]), list[str]()
    assert texts(frame, "text", Path("a.csv"), is_named=False, notes=notes).tolist() == ["I love it"]
    assert notes == ["a.csv: the texts are taken from the column 'tweetText'."]
    with pytest.raises(DataError, match="no column 'text'; found"):
        texts(frame, "text", Path("a.csv"), is_named=True, notes=notes)
    with pytest.raises(DataError, match=r"not clear which .* found: 'id', 'user_bio'; .* by --text-column"):
        texts(frame[["id", "user_bio"]], "text", Path("a.csv"), is_named=False, notes=notes)
