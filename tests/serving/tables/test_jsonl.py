import io

import pytest

from serving.errors import RowsError
from serving.tables.base import CHUNK, Row
from serving.tables.delimited import MAX_RECORD
from serving.tables.jsonl import JsonLinesReader


def read(content: bytes) -> list[Row]:
    return [row for chunk in JsonLinesReader(io.BytesIO(content)).chunks() for row in chunk]


def test_objects_are_kept_as_they_were_written() -> None:
    assert read(b'\xef\xbb\xbf{"text": "a",  "n":1.0}\r\n\n {"text":"\\ud83d\\ude00" } ') == [
        Row([{"text": "a", "n": 1.0}], "", '{"text": "a",  "n":1.0', "}\r\n"),
        Row([{"text": "😀"}], "", '{"text":"\\ud83d\\ude00"', "}\n"),
    ]


@pytest.mark.parametrize("line", [b"no", b"[1]", b'{"text": NaN}', b'{"text": "a"', b"[" * 100_000])
def test_a_line_that_is_no_object_is_kept_whole(line: bytes) -> None:
    bad, good = read(line + b'\n{"text": "a"}\n')
    assert bad.fault == "not a JSON object"
    assert bad.cells == [{"line": line.decode()}]
    assert good.fault == ""


def test_many_rows_come_in_chunks() -> None:
    reader = JsonLinesReader(io.BytesIO(b'{"text": "a"}\n' * (CHUNK + 1)))
    assert [len(chunk) for chunk in reader.chunks()] == [CHUNK, 1]


@pytest.mark.parametrize(
    ("content", "fault"), [(b"\n", "it is empty"), (b"x" * (MAX_RECORD + 1), "line 1 has more than 1,048,576")]
)
def test_a_file_that_cannot_be_read(content: bytes, fault: str) -> None:
    with pytest.raises(RowsError, match=fault):
        read(content)
