import io

import pytest

from serving.errors import RowsError
from serving.rows.delimited import DelimitedReader
from serving.rows.table import Row


def read(content: bytes, **options: str) -> tuple[DelimitedReader, list[Row]]:
    reader = DelimitedReader(io.BytesIO(content), **options)  # type: ignore[arg-type]
    return reader, [row for chunk in reader.chunks() for row in chunk]


def names(reader: DelimitedReader) -> list[str]:
    return [name for name, _ in reader.columns]


def test_rows_are_kept_as_they_were_written() -> None:
    reader, rows = read(b'id;"text"\r\n 1 ;"so ""good"";\nyes"\r\n2;"plain"')
    assert (names(reader), reader.header, reader.delimiter) == (["id", "text"], 'id;"text"', ";")
    assert rows == [
        Row([" 1 ", 'so "good";\nyes'], "", ' 1 ;"so ""good"";\nyes"', "\r\n"),
        Row(["2", "plain"], "", '2;"plain"', "\r\n"),
    ]


def test_a_byte_order_mark_is_no_part_of_a_name() -> None:
    reader, _ = read(b"\xef\xbb\xbftext,n\na,1\n")
    assert (names(reader), reader.mark) == (["text", "n"], "\ufeff")
    reader, _ = read("text\na\n".encode("utf-16"), encoding="utf-16")
    assert (names(reader), reader.mark) == (["text"], "")


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


def test_how_much_has_been_read() -> None:
    content = b"text\n" + b"good\n" * 10_000
    reader = DelimitedReader(io.BytesIO(content), size=len(content))
    parts = [reader.done() for _ in reader.chunks()]
    assert parts == sorted(parts, key=float)  # type: ignore[arg-type]
    assert 0 < float(parts[0] or 0) < 1 == parts[-1]
    assert DelimitedReader(io.BytesIO(content)).done() is None


def test_long_rows_come_in_short_chunks() -> None:
    content = b"text\n" + b"%s\n" % (b"x" * 1_000_000) * 12
    sizes = [len(chunk) for chunk in DelimitedReader(io.BytesIO(content)).chunks()]
    assert (sum(sizes), max(sizes)) == (12, 5)
