import io
import json
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.errors import RowsError
from serving.model.types import Prediction
from serving.tables.added_columns import AddedColumns, RowResult
from serving.tables.base import CHUNK_ROWS, ReadOptions, Row
from serving.tables.inputs.text import TEXT_FACTS
from serving.tables.jsonl import NewJsonlWriter
from serving.tables.parquet import ParquetReader
from serving.tables.text import MAX_ROW_CHARS, OutputEncoding
from tests.serving.tables.readers import delimited, jsonl

YES_NO = AddedColumns(["no", "yes"], TEXT_FACTS)
RESULT = RowResult(Prediction("yes", 0.75, {"no": 0.25, "yes": 0.75}, truncated=False, in_vocabulary=0.5))
ADDED = {
    "label": "yes",
    "probability": 0.75,
    "p_no": 0.25,
    "p_yes": 0.75,
    "truncated": False,
    "in_vocabulary": 0.5,
    "error": None,
}
UTF8 = OutputEncoding()


def read(content: bytes) -> list[Row]:
    return list(jsonl(content).rows())


def test_objects_are_kept_as_they_were_written() -> None:
    assert read(b'\xef\xbb\xbf{"text": "a",  "n":1.0}\r\n\n {"text":"\\ud83d\\ude00" } ') == [
        Row([{"text": "a", "n": 1.0}], "", '{"text": "a",  "n":1.0', "}\r\n"),
        Row([{"text": "😀"}], "", '{"text":"\\ud83d\\ude00"', "}\n"),
    ]


@pytest.mark.parametrize("line", [b"no", b"[1]", b'{"text": "a"', b"[" * 100_000, b'"te\\"xt"'])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_line_that_is_no_object_is_kept_whole(line: bytes, is_first: bool) -> None:
    good_line = b'{"text": "a"}'
    rows = read(b"%s\n%s\n" % ((line, good_line) if is_first else (good_line, line)))
    bad, good = rows if is_first else reversed(rows)
    assert bad.fault == "not a JSON object"
    assert bad.cells == [{"line": line.decode()}]
    assert json.loads(bad.before + bad.after) == {"line": line.decode()}
    assert good.fault == ""


def test_constants_that_are_no_json_are_null() -> None:
    (row,) = read(b'{"text": "a", "x": NaN, "y": [Infinity, -Infinity]}\n')
    assert row.fault == ""
    assert row.cells == [{"text": "a", "x": None, "y": [None, None]}]
    assert json.loads(row.before + row.after) == row.cells[0]


def test_a_line_with_constants_is_kept_but_for_them() -> None:
    (row,) = read(b'{"text":"NaN \\" NaN",  "x":NaN, "n": 1.10, "y": -Infinity}\n')
    assert row.before == '{"text":"NaN \\" NaN",  "x":null, "n": 1.10, "y": null'


def test_numbers_are_cells_as_they_were_written() -> None:
    numbers = ["1.0", "1.10", "1e5", "1E+400", "-0", "12345678901234567890123"]
    members = ", ".join(f'"{name}": {number}' for name, number in zip("abcdef", numbers, strict=True))
    reader = jsonl(f'{{{members}, "text": "1.10", "x": NaN, "yes": true, "no": {{"n": 1.5}}}}\n'.encode())
    assert [reader.cells(row) for row in reader.rows()] == [[*numbers, "1.10", None, True, {"n": 1.5}]]


def test_of_a_line_that_is_too_long_the_beginning_is_kept() -> None:
    good, bad = read(b'{"text": "a"}\n{"text": "' + b"x" * MAX_ROW_CHARS + b'"}\n')
    assert (good.fault, bad.fault[:43]) == ("", "the line has more than 1,048,576 characters")
    assert len(bad.before) < MAX_ROW_CHARS + 100


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(RowsError, match="it is empty; accepted: a JSON object a line"):
        read(b"\n")


def test_its_columns_are_the_keys_of_the_first_objects() -> None:
    reader = jsonl(b'{"delete": {"id": 1}}\n{"id": 1, "text": "good"}\nbroken\n{"text": "bad", "more": 2}\n')
    assert reader.names == ["delete", "id", "text", "more"]
    _, first, _, second = reader.rows()
    assert (reader.cell(first, 1), reader.cell(second, 2)) == (1, "bad")
    assert (reader.cells(first), reader.cells(second)) == ([None, "1", "good", None], [None, None, "bad", "2"])
    with pytest.raises(KeyError, match="id"):
        reader.cell(second, 1)


def test_keys_that_come_late_are_beyond_the_columns() -> None:
    reader = jsonl(b'{"text": "good"}\n' * CHUNK_ROWS + b'{"late": [1], "text": "bad"}\n')
    *_, last = reader.rows()
    assert (reader.names, reader.cells(last)) == (["text"], ["bad", '{"late": [1]}'])


@pytest.mark.parametrize("line", ['{"a": 1}', "{}", '{"a":{}, "b":[1.0]}'])
def test_added_keys_fit_into_an_object(line: str) -> None:
    reader = jsonl(f"{line}\r\n".encode())
    page = reader.writer(YES_NO, UTF8).page([(row, RESULT) for row in reader.rows()]).decode()
    assert page.startswith(line[:-1])
    assert page.endswith("}\r\n")
    assert json.loads(page) == json.loads(line) | ADDED


def test_a_mark_is_kept() -> None:
    reader = jsonl(b'\xef\xbb\xbf{"text": "a"}\n')
    assert reader.writer(YES_NO, reader.output_encoding).header() == b"\xef\xbb\xbf"
    assert jsonl(b'{"text": "a"}\n').output_encoding == UTF8


def test_an_object_that_has_such_a_key_keeps_it() -> None:
    reader = jsonl(b'{"text": "a"}\n' * CHUNK_ROWS + b'{"label": "gold"}\n')
    writer = reader.writer(YES_NO, UTF8)
    *_, row = reader.rows()
    assert json.loads(writer.page([(row, RowResult(None, "no text"))])) == {
        "label": "gold",
        **{f"predicted_{name}": None for name in ADDED},
        "predicted_error": "no text",
    }
    assert writer.added_names[0] == "label"
    assert jsonl(b'{"label": "gold"}\n').writer(YES_NO, UTF8).added_names[0] == "predicted_label"


def test_new_objects_hold_what_json_can() -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"day": [date(2026, 1, 2)], "x": [float("nan")], "text": ["é"]}), file)
    reader = ParquetReader(file, ReadOptions())
    page = NewJsonlWriter(reader, YES_NO, UTF8).page([(row, RESULT) for row in reader.rows()])
    assert json.loads(page) == {"day": "2026-01-02", "x": None, "text": "é"} | ADDED


def test_new_objects_of_bytes_that_are_no_utf8() -> None:
    reader = delimited(b"id,text\n1,caf\xe9\n", encoding="utf-8")
    page = NewJsonlWriter(reader, YES_NO, UTF8).page([(row, RESULT) for row in reader.rows()])
    assert json.loads(page) == {"id": "1", "text": "caf\ufffd"} | ADDED


def test_new_objects_need_distinct_names() -> None:
    with pytest.raises(RowsError, match="columns of distinct names; found: 'text', 'text'"):
        NewJsonlWriter(delimited(b"text,text\na,b\n"), YES_NO, UTF8)
