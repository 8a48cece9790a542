import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import RowsError
from serving.model.types import Prediction
from serving.tables.added_columns import RowResult
from serving.tables.base import MAX_ROW_CHARS, ReadOptions, Row
from serving.tables.delimited import (
    DelimitedReader,
    NewDelimitedWriter,
    Record,
    escape_formula,
    quoted,
    read_records,
)

LABELS = ["no", "yes"]
RESULT = RowResult(Prediction("yes", 0.75, {"no": 0.25, "yes": 0.75}, truncated=False))


@given(cells=st.lists(st.text(alphabet="a,\";\t\r\n' é=", max_size=6), min_size=2), delimiter=st.sampled_from(",;\t"))
def test_quoted_cells_are_read_back_with_any_delimiter(cells: list[str], delimiter: str) -> None:
    line = delimiter.join(map(quoted, cells))
    assert next(csv.reader(line.splitlines(keepends=True) and [line], delimiter=delimiter, strict=True)) == cells


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "－1"])
def test_a_formula_becomes_a_text(cell: str) -> None:
    assert escape_formula(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "positive", "a=b", "1-2", "'=1", "😀"])
def test_other_cells_are_left_alone(cell: str) -> None:
    assert escape_formula(cell) == cell


def records(text: str, delimiter: str = ",") -> list[Record]:
    return list(read_records(iter(io.StringIO(text, newline="")), delimiter))


def test_a_record_keeps_its_lines() -> None:
    parsed = records('a,b\r\n"x\n ""y""",  2 \r\nlast,"3"')
    assert parsed == [
        Record("a,b\r\n", ["a", "b"]),
        Record('"x\n ""y""",  2 \r\n', ['x\n "y"', "  2 "]),
        Record('last,"3"', ["last", "3"]),
    ]


@given(
    rows=st.lists(st.lists(st.text(alphabet='a,";\t\r\n é👍\0', max_size=6), min_size=2, max_size=4)),
    delimiter=st.sampled_from([",", ";", "\t"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_what_csv_writes_is_read_and_nothing_is_lost(rows: list[list[str]], delimiter: str, end: str) -> None:
    file = io.StringIO(newline="")
    # Where not everything is quoted, csv.writer leaves a lone CR bare.
    csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    parsed = records(file.getvalue(), delimiter)
    assert [record.cells for record in parsed] == rows
    assert "".join(record.text for record in parsed) == file.getvalue()


@given(st.text(alphabet='a,"\r\n'))
def test_of_any_text_every_character_is_in_a_record(text: str) -> None:
    assert "".join(record.text for record in records(text)) == text


def test_a_quote_that_is_never_closed_takes_one_line() -> None:
    assert records('a\n"oops,2\nthird,3\n') == [
        Record("a\n", ["a"]),
        Record('"oops,2\n', [], "not CSV: unexpected end of data"),
        Record("third,3\n", ["third", "3"]),
    ]


def test_a_quote_that_is_not_closed_for_long_takes_one_line() -> None:
    lines = ["filler\n"] * (MAX_ROW_CHARS // 7 + 9)
    parsed = records('"oops\n' + "".join(lines))
    assert parsed[0] == Record('"oops\n', [], "not CSV: a quote is not closed")
    assert [record.text for record in parsed[1:]] == lines


def test_text_after_a_quoted_cell() -> None:
    (bad, good) = records('"a "quoted" word",1\nb,2\n')
    assert bad.text == '"a "quoted" word",1\n'
    assert bad.fault.startswith("not CSV: ")
    assert good.cells == ["b", "2"]


def read(content: bytes, encoding: str = "utf-8") -> tuple[DelimitedReader, list[Row]]:
    reader = DelimitedReader(io.BytesIO(content), ReadOptions(encoding))
    return reader, list(reader.rows())


def test_rows_are_kept_as_they_were_written() -> None:
    reader, rows = read(b'id;"text"\r\n 1 ;"so ""good"";\nyes"\r\n2;"plain"')
    assert (reader.names, reader.header, reader.delimiter) == (["id", "text"], 'id;"text"', ";")
    assert rows == [
        Row([" 1 ", 'so "good";\nyes'], "", ' 1 ;"so ""good"";\nyes"', "\r\n"),
        Row(["2", "plain"], "", '2;"plain"', "\r\n"),
    ]


def test_a_byte_order_mark_is_no_part_of_a_name() -> None:
    reader, _ = read(b"\xef\xbb\xbftext,n\na,1\n")
    assert (reader.names, reader.byte_order_mark) == (["text", "n"], "\ufeff")
    reader, _ = read("text\na\n".encode("utf-16"), encoding="utf-16")
    assert (reader.names, reader.byte_order_mark) == (["text"], "")


def test_a_row_with_another_number_of_cells() -> None:
    _, (short, long, fine) = read(b'text,a,b\r\ngood\r\n"x,y",1,2,"3,4",5\r\nok,1,2\r\n')
    assert short == Row(["good", "", ""], "1 cell where the header has 3", "good,,", "\r\n")
    assert long == Row(["x,y", "1", "2", "3,4", "5"], "5 cells where the header has 3", '"x,y",1,2', ',"3,4",5\r\n')
    assert fine.fault == ""


def test_a_line_that_is_no_csv_is_kept_whole() -> None:
    _, (bad, good) = read(b'text,n\n"oops,2\nthird,3\n')
    assert bad.cells == ['"oops,2', ""]
    assert bad.before + bad.after == '"""oops,2",\n'
    assert good.cells == ["third", "3"]


def test_blank_lines() -> None:
    assert [row.cells for row in read(b"\n\ntext\ngood\n\nbad")[1]] == [["good"], [""], ["bad"]]
    assert [row.cells for row in read(b"text,n\ngood,1\n\r\nbad,2\n\n")[1]] == [["good", "1"], ["bad", "2"]]


def test_bytes_of_another_encoding_are_kept() -> None:
    _, (row,) = read(b"text,n\ncaf\xe9,1\n")
    assert row.before.encode("utf-8", "surrogateescape") == b"caf\xe9,1"
    _, (row,) = read(b"text,n\ncaf\xe9,1\n", encoding="cp1252")
    assert row.cells == ["café", "1"]
    _, (row,) = read(b"text,n\ncaf\x81,1\n", encoding="cp1252")
    assert row.cells == ["caf\ufffd", "1"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "it is empty"),
        (b"\xef\xbb\xbf\r\n\n", "it is empty"),
        (b'"text\n', "the header is not CSV"),
        (b"caf\xe9,text\n", "the header is not utf-8; declare"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00", "it is an Excel workbook, or .*, not CSV; accepted: the table saved"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\n", "it is an Excel workbook of before 2007, not CSV"),
        (b"PAR1\x15\x04\x15\n", "it is a Parquet file"),
        (b"\x1f\x8b\x08\x00", "it is compressed by gzip"),
    ],
)
def test_without_a_header_nothing_is_read(content: bytes, fault: str) -> None:
    with pytest.raises(RowsError, match=fault):
        read(content)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_a_workbook_is_no_text_in_any_encoding(encoding: str) -> None:
    with pytest.raises(RowsError, match="Excel"):
        read(b"PK\x03\x04\x14\x00\n", encoding=encoding)


def test_an_encoding_that_needs_a_mark() -> None:
    with pytest.raises(RowsError, match="it is not utf-16: UTF-16 stream does not start with BOM"):
        read(b"text\n", encoding="utf-16")


def answered(content: bytes, result: RowResult, labels: list[str] = LABELS) -> bytes:
    reader, rows = read(content)
    writer = reader.writer(labels)
    return writer.header() + writer.page([(row, result) for row in rows])


def test_the_same_csv_keeps_bytes_and_mark() -> None:
    page = answered(b'\xef\xbb\xbf"text";n\r\ncaf\xe9;=1\r\n', RESULT)
    assert page == (b'\xef\xbb\xbf"text";n;label;probability;p_no;p_yes;error\r\ncaf\xe9;=1;yes;0.75;0.25;0.75;\r\n')


def test_only_a_row_with_too_many_cells_is_written_anew() -> None:
    page = answered(b'text,n\n"a", "b"\n"a","b","c",\n', RowResult(None, "why"))
    assert page.splitlines()[1:] == [b'"a", "b",,,,,why', b"a,b,,,,,why,c,"]


def test_added_cells_are_safe_in_a_spreadsheet() -> None:
    labels = ["=1+1", "so, so"]
    result = RowResult(Prediction("=1+1", 0.75, {"=1+1": 0.75, "so, so": 0.25}, truncated=False))
    header, row = answered(b"text\n=2\n", result, labels).splitlines()
    assert header == b'text,label,probability,p_=1+1,"p_so, so",error'
    assert row == b"=2,'=1+1,0.75,0.75,0.25,"
    assert answered(b"text\ngood\n", RowResult(None, "-x")).endswith(b"good,,,,,'-x\n")


def test_a_new_csv_keeps_surplus_cells_at_the_end() -> None:
    writer = NewDelimitedWriter([("a", "string"), ("b", "string")], LABELS, ",")
    assert writer.header() == b"a,b,label,probability,p_no,p_yes,error\n"
    result = RowResult(None, "why")
    assert writer.page([(Row(["1,5", None, "more"]), result)]) == b'"1,5",,,,,,why,more\n'
    assert writer.page([(Row(["caf\udce9", 2.5, ""]), result)]) == "caf\ufffd,2.5,,,,,why,\n".encode()
