import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import RowsError
from serving.model.types import Prediction
from serving.tables.added_columns import AddedColumns, RowResult
from serving.tables.base import CHUNK_ROWS, Row
from serving.tables.delimited import CSV, TSV, DelimitedReader, NewDelimitedWriter, escape_formula, quoted
from serving.tables.inputs.text import TEXT_FACTS
from serving.tables.text import OutputEncoding
from tests.serving.tables.readers import delimited, jsonl

YES_NO = AddedColumns(["no", "yes"], TEXT_FACTS)
RESULT = RowResult(Prediction("yes", 0.75, {"no": 0.25, "yes": 0.75}, truncated=False, in_vocabulary=0.5))
ADDED = "label,probability,p_no,p_yes,truncated,in_vocabulary,error"


@given(cells=st.lists(st.text(alphabet="a,\";|\t\r\n' é=", max_size=6), min_size=2), delimiter=st.sampled_from(",;\t|"))
def test_quoted_cells_are_read_back_with_any_delimiter(cells: list[str], delimiter: str) -> None:
    line = delimiter.join(map(quoted, cells))
    assert next(csv.reader(line.splitlines(keepends=True) and [line], delimiter=delimiter, strict=True)) == cells


@pytest.mark.parametrize("cell", ["=1+1", "+a", "-a", "--1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "－"])
def test_a_formula_becomes_a_text(cell: str) -> None:
    assert escape_formula(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "positive", "a=b", "1-2", "'=1", "😀", "-1", "+1", "-1.5", "-1e5", "1"])
def test_numbers_and_other_cells_are_left_alone(cell: str) -> None:
    assert escape_formula(cell) == cell


def read(content: bytes, encoding: str = "utf-8") -> tuple[DelimitedReader, list[Row]]:
    reader = delimited(content, encoding=encoding)
    return reader, list(reader.rows())


def test_rows_are_kept_as_they_were_written() -> None:
    reader, rows = read(b'id;"text"\r\n 1 ;"so ""good"";\nyes"\r\n2;"plain"')
    assert (reader.format, reader.names, reader.header) == (CSV, ["id", "text"], 'id;"text"')
    assert rows == [
        Row([" 1 ", 'so "good";\nyes'], "", ' 1 ;"so ""good"";\nyes"', "\r\n"),
        Row(["2", "plain"], "", '2;"plain"', "\r\n"),
    ]


def test_a_byte_order_mark_is_no_part_of_a_name() -> None:
    assert read(b"\xef\xbb\xbftext,n\na,1\n")[0].names == ["text", "n"]
    assert read("text\na\n".encode("utf-16"), encoding="utf-16")[0].names == ["text"]


@pytest.mark.parametrize(
    ("content", "encoding", "mark"),
    [
        (b"text\ngood\n", "", False),
        (b"text\ngood\n", "ascii", False),
        (b"\xef\xbb\xbftext\ngood\n", "", True),
        (b"text\ngood\n", "cp1252", True),
        ("text\ngood\n".encode("utf-16"), "", True),
    ],
)
def test_an_answer_is_utf8_and_marked_where_the_file_was_or_was_no_utf8(
    content: bytes, encoding: str, mark: bool
) -> None:
    assert delimited(content, encoding=encoding).output_encoding == OutputEncoding("utf-8", mark)


def test_columns_without_a_name_are_numbered_and_their_header_is_kept() -> None:
    reader, _ = read(b",text,\n0,good,x\n")
    assert (reader.names, reader.header) == (["column_1", "text", "column_3"], ",text,")


def test_a_file_without_a_header_gets_one() -> None:
    reader, rows = read(b"1;I love it\n2;so bad\n")
    assert (reader.names, reader.header) == (["column_1", "column_2"], "column_1;column_2")
    assert [row.cells for row in rows] == [["1", "I love it"], ["2", "so bad"]]
    assert "without a header" in reader.notes[0]


def test_a_first_row_that_may_be_a_text_is_not_shown() -> None:
    content = b"Great,Awful\nI love it very much,so bad it was\n"
    assert read(content)[0].names == ["Great", "Awful"]
    assert read(content)[0].shown_names == ["column_1", "column_2"]
    assert delimited(content, header="true").shown_names == ["Great", "Awful"]
    assert read(b"id,text\n1,good\n")[0].shown_names == ["id", "text"]


def test_a_header_that_lacks_a_name_is_completed() -> None:
    reader, rows = read(b'text,label\n"1","I love it","pos"\n"2","bad","neg"\n')
    assert (reader.names, reader.header) == (["column_1", "text", "label"], ",text,label")
    assert [row.fault for row in rows] == ["", ""]
    reader, _ = read(b"id,text\n1,I love it,\n2,bad,\n")
    assert (reader.names, reader.header) == (["id", "text", "column_3"], "id,text,")


def test_what_stands_above_the_header_is_left_out() -> None:
    reader, rows = read(b"sep=;\r\nid;text\r\n1;good\r\n")
    assert (reader.header, [row.before for row in rows]) == ("id;text", ["1;good"])
    reader, rows = read(b"Export of May\n\nid,text\n1,good\n2,bad\n")
    assert (reader.header, [row.before for row in rows]) == ("id,text", ["1,good", "2,bad"])


def test_a_row_with_too_few_cells_is_filled_up() -> None:
    _, (short, fine) = read(b"text,a,b\r\ngood\r\nok,1,2\r\n")
    assert short == Row(["good", "", ""], "1 cell where the header has 3", "good,,", "\r\n")
    assert fine.fault == ""


def test_what_a_row_has_too_many_is_joined_and_quoted_in_its_last_cell() -> None:
    _, (long, _) = read(b'n,a,text\r\n1,"x,y",I love this, really,5\r\n2,b,fine\r\n')
    assert long == Row(
        ["1", "x,y", "I love this, really,5"],
        "5 cells where the header has 3; what is beyond is joined to the last",
        '1,"x,y","I love this, really,5"',
        "\r\n",
    )
    _, rows = read(b"1,a b\n2,c d,e\n3,f g\n4,h\n")
    assert rows[1].fault.startswith("3 cells where other rows have 2")


def test_in_a_file_of_one_column_a_comma_belongs_to_the_text() -> None:
    _, rows = read(b'text\nI love this, really\nfine\n"so, ""good"""\n"a","b"\n')
    assert [row.cells for row in rows] == [["I love this, really"], ["fine"], ['so, "good"'], ['"a","b"']]
    assert [row.before for row in rows] == ['"I love this, really"', "fine", '"so, ""good"""', '"""a"",""b"""']
    assert {row.fault for row in rows} == {""}


def test_the_header_again_is_no_row_to_predict() -> None:
    _, rows = read(b'id,"text"\n1,good\n2,bad\nid,text\n')
    assert [row.fault for row in rows] == ["", "", "the header again"]
    assert rows[2].before == "id,text"
    assert {row.fault for row in read(b"text\ngood\ntext\n")[1]} == {""}, "a text may be that word"


def test_a_line_that_is_no_csv_is_kept_whole() -> None:
    _, (bad, good) = read(b'text,n\n"oops,2\nthird,3\n')
    assert bad.cells == ['"oops,2', ""]
    assert bad.before + bad.after == '"""oops,2",\n'
    assert bad.fault.startswith("not CSV: ")
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
    ("content", "fault", "code"),
    [
        (b"", "it is empty", "file_unreadable"),
        (b"\xef\xbb\xbf\r\n\n", "it is empty", "file_unreadable"),
        (b"caf\xe9,text\na,b\n", "the header is not utf-8; declare", "not_utf8"),
        (b"<!DOCTYPE html>\n<p>text", "it is HTML or XML", "file_kind"),
        (b'[{"text": "good"}]', "it is a JSON array", "file_kind"),
    ],
)
def test_without_a_table_nothing_is_read(content: bytes, fault: str, code: str) -> None:
    with pytest.raises(RowsError, match=fault) as refused:
        read(content)
    assert refused.value.code == code


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_a_workbook_is_no_text_in_any_encoding(encoding: str) -> None:
    with pytest.raises(RowsError, match=r"it is an Excel workbook, or .*, not CSV; accepted: the table saved"):
        read(b"PK\x03\x04\x14\x00\n", encoding=encoding)


def answered(
    content: bytes, result: RowResult, added: AddedColumns = YES_NO, encoding: OutputEncoding | None = None
) -> bytes:
    reader, rows = read(content)
    writer = reader.writer(added, encoding or reader.output_encoding)
    return writer.header() + writer.page([(row, result) for row in rows])


def test_the_same_csv_keeps_bytes_and_mark() -> None:
    page = answered(b'\xef\xbb\xbf"text";n\r\ncaf\xe9;=1\r\n', RESULT)
    assert page == (
        b'\xef\xbb\xbf"text";n;label;probability;p_no;p_yes;truncated;in_vocabulary;error\r\n'
        b"caf\xe9;=1;yes;0.75;0.25;0.75;false;0.5;\r\n"
    )


def test_another_encoding_can_be_written() -> None:
    page = answered("text\ncafé\n".encode(), RESULT, encoding=OutputEncoding("cp1252"))
    assert page.splitlines()[1].startswith("café,yes".encode("cp1252"))
    page = answered("text\ncafé 👍\n".encode(), RESULT, encoding=OutputEncoding("utf-16-le", mark=True))
    assert page.decode("utf-16").splitlines()[1].startswith("café 👍,yes")


def test_every_row_has_the_width_of_the_header() -> None:
    page = answered(b'text,n\n"a", "b"\n"a","b","c",\n"d"\n"e\n', RowResult(None, "why")).decode()
    header, *rows = csv.reader(io.StringIO(page))
    assert {len(row) for row in rows} == {len(header)}
    assert [row[:2] for row in rows] == [["a", ' "b"'], ["a", "b,c,"], ["d", ""], ['"e', ""]]


def test_added_cells_are_safe_in_a_spreadsheet() -> None:
    labels = ["=1+1", "so, so"]
    result = RowResult(Prediction("=1+1", 0.75, {"=1+1": 0.75, "so, so": 0.25}, truncated=True))
    header, row = answered(b"text\n=2\n", result, AddedColumns(labels, TEXT_FACTS)).splitlines()
    assert header == b'text,label,probability,p_=1+1,"p_so, so",truncated,in_vocabulary,error'
    assert row == b"=2,'=1+1,0.75,0.75,0.25,true,1.0,"
    assert answered(b"text\ngood\n", RowResult(None, "-x")).endswith(b"good,,,,,,,'-x\n")


def test_a_label_that_is_a_number_stays_one() -> None:
    result = RowResult(Prediction("-1", 0.75, {"-1": 0.75, "0": 0.125, "1": 0.125}, truncated=False))
    assert answered(b"text\nbad\n", result, AddedColumns(["-1", "0", "1"])).splitlines()[1].startswith(b"bad,-1,0.75,")


def test_where_numbers_have_decimal_commas_the_added_ones_have_them() -> None:
    page = answered(b"text;score\ngood;0,5\nbad;-1,25\n", RESULT)
    assert page.splitlines()[1] == b"good;0,5;yes;0,75;0,25;0,75;false;0,5;"


def test_a_new_csv_has_the_columns_of_any_format() -> None:
    reader = jsonl(b'{"a": "1,5", "b": true}\n{"a": null, "b": {"c": [1, NaN]}}\n{"a": 2.5, "b": false, "d": 1}\n')
    writer = NewDelimitedWriter(reader, YES_NO, OutputEncoding(), delimiter=",")
    assert writer.header() == f"a,b,d,{ADDED}\n".encode()
    page = writer.page([(row, RowResult(None, "why")) for row in reader.rows()])
    assert page.decode().splitlines() == [
        '"1,5",true,,,,,,,,why',
        ',"{""c"": [1, null]}",,,,,,,,why',
        "2.5,false,1,,,,,,,why",
    ]


def test_a_new_csv_tells_surplus_values_in_the_error() -> None:
    content = b'{"a": "caf\xe9"}\n' + b'{"a": "good"}\n' * CHUNK_ROWS + b'{"a": "x", "late": 1}\n'
    reader = jsonl(content, encoding="utf-8")
    writer = NewDelimitedWriter(reader, YES_NO, OutputEncoding(mark=True), delimiter="\t")
    first, *_, last = reader.rows()
    assert writer.header().startswith(b"\xef\xbb\xbfa\tlabel\t")
    assert writer.page([(first, RESULT)]).startswith("caf\ufffd\tyes".encode())
    error = """; beyond the last: '{""late"": 1}'"""
    assert writer.page([(last, RowResult(None, "why"))]).decode() == f'x\t\t\t\t\t\t\t"why{error}"\n'


def test_the_tsv_has_its_own_name() -> None:
    assert read(b"id\ttext\n1\tgood\n")[0].format is TSV
