import io
import json
from datetime import date

import pytest

from serving.errors import RowsError
from serving.model.types import Prediction
from serving.tables.added_columns import RowResult
from serving.tables.base import MAX_ROW_CHARS, ReadOptions, Row
from serving.tables.jsonl import JsonlReader, JsonlWriter, NewJsonlWriter

LABELS = ["no", "yes"]
RESULT = RowResult(Prediction("yes", 0.75, {"no": 0.25, "yes": 0.75}, truncated=False))
ADDED = {"label": "yes", "probability": 0.75, "p_no": 0.25, "p_yes": 0.75, "error": None}


def read(content: bytes) -> list[Row]:
    return list(JsonlReader(io.BytesIO(content), ReadOptions()).rows())


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


@pytest.mark.parametrize(
    ("content", "fault"), [(b"\n", "it is empty"), (b"x" * (MAX_ROW_CHARS + 1), "line 1 has more than 1,048,576")]
)
def test_a_file_that_cannot_be_read(content: bytes, fault: str) -> None:
    with pytest.raises(RowsError, match=fault):
        read(content)


def test_its_columns_are_the_keys_of_the_first_object() -> None:
    reader = JsonlReader(io.BytesIO(b'{"id": 1, "text": "good"}\n{"text": "bad", "more": 2}\n'), ReadOptions())
    assert reader.names == ["id", "text"]
    first, second = reader.rows()
    assert (reader.cell(first, 0), reader.cell(second, 1)) == (1, "bad")
    with pytest.raises(KeyError, match="id"):
        reader.cell(second, 0)


@pytest.mark.parametrize("line", ['{"a": 1}', "{}", '{"a":{}, "b":[1.0]}'])
def test_added_keys_fit_into_an_object(line: str) -> None:
    reader = JsonlReader(io.BytesIO(f"{line}\r\n".encode()), ReadOptions())
    page = reader.writer(LABELS).page([(row, RESULT) for row in reader.rows()]).decode()
    assert page.startswith(line[:-1])
    assert page.endswith("}\r\n")
    assert json.loads(page) == json.loads(line) | ADDED


def test_an_object_that_has_such_a_key_keeps_it() -> None:
    writer = JsonlWriter(["text"], LABELS)
    row = Row([{"label": "gold"}], "", '{"label": "gold"', "}\n")
    assert json.loads(writer.page([(row, RowResult(None, "no text"))])) == {
        "label": "gold",
        "predicted_label": None,
        "predicted_probability": None,
        "predicted_p_no": None,
        "predicted_p_yes": None,
        "predicted_error": "no text",
    }
    assert writer.added_names[0] == "label"
    assert JsonlWriter(["label"], LABELS).added_names[0] == "predicted_label"


def test_new_objects_hold_what_json_can() -> None:
    writer = NewJsonlWriter([("day", "date32"), ("x", "double"), ("text", "string")], LABELS)
    line = json.loads(writer.page([(Row([date(2026, 1, 2), float("nan"), "caf\udce9"]), RESULT)]))
    assert line == {"day": "2026-01-02", "x": None, "text": "caf\ufffd"} | ADDED


def test_new_objects_need_distinct_names() -> None:
    with pytest.raises(RowsError, match="columns of distinct names; found: 'text', 'text'"):
        NewJsonlWriter([("text", "string"), ("text", "string")], LABELS)
