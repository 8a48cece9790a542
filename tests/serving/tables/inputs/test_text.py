import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.settings import Settings
from serving.tables.base import MAX_TEXT_CHARS, ReadOptions, Row
from serving.tables.chunk import MISSING, Chunk
from serving.tables.inputs.text import TextExtractor, missing_value
from serving.tables.parquet import ParquetReader
from tests.serving.tables.readers import delimited, jsonl


def extractor(column: int = 0, max_chars: int = 10, encoding: str = "utf-8") -> TextExtractor:
    return TextExtractor(delimited(b"id,text\n", encoding=encoding), column, max_chars)


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        ("", "no text"),
        (" \u2003\n", "no text"),
        ("\u200b\u200d\ufeff", "no text"),
        (None, "no text"),
        (float("nan"), "no text"),
        ("x" * 11, "11 characters; at most 10 are accepted"),
        ("caf\udce9", "byte 0xe9 is not UTF-8"),
        (b"caf\xe9", "byte 0xe9 is not UTF-8"),
        ("\ud800", "a lone surrogate is not Unicode text"),
        ({"a": 1}, "not a text"),
        (["a"], "not a text"),
    ],
)
def test_what_cannot_be_classified(cell: object, fault: str) -> None:
    assert extractor(column=1)(Row(["id", cell])) == ("", fault)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("x" * 10, "x" * 10),
        (0.0, "0.0"),
        (0, "0"),
        ("\ufffd 👍🏽", "\ufffd 👍🏽"),
        ("café".encode(), "café"),
        ("NA", "NA"),
    ],
)
def test_what_can(cell: object, text: str) -> None:
    assert extractor()(Row([cell])) == (text, "")


@pytest.mark.parametrize("value", MISSING)
def test_a_value_that_stands_for_a_missing_one_is_told(value: str) -> None:
    reader = delimited(f'id,text\n1,{value}\n2,"{value}"\n3,{value} is it\n'.encode())
    missing, quoted, longer = [TextExtractor(reader, 1)(row) for row in reader.rows()]
    assert missing == ("", f"no text: {value} stands for a missing value; in quotes it is a text")
    assert quoted == (value, "")
    assert longer == (f"{value} is it", "")
    assert missing_value(Row([value]), value) == "", "where there is no text, a missing value is no string"


def test_a_byte_that_another_encoding_does_not_have() -> None:
    assert extractor(encoding="cp1252")(Row(["caf\ufffd"]))[1] == "a byte is not cp1252"


def test_objects_by_key() -> None:
    reader = jsonl(b'{"id": 1, "tweet": "good"}\n{"text": "good"}\nbroken\n{"tweet": "NA"}\n')
    chunk = Chunk(list(reader.rows()), TextExtractor(reader, 1))
    assert chunk.inputs == ["good", "NA"]
    assert chunk.faults == ["no key 'tweet'", "not a JSON object"]


def test_bytes_of_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": [b"good", b"caf\xe9", None]}), tmp_path / "in.parquet")
    reader = ParquetReader(io.BytesIO((tmp_path / "in.parquet").read_bytes()), ReadOptions())
    extracted = [TextExtractor(reader, 0)(row) for row in reader.rows()]
    assert extracted == [("good", ""), ("", "byte 0xe9 is not UTF-8"), ("", "no text")]


def test_a_text_may_be_as_long_as_the_service_takes_it() -> None:
    assert Settings.model_fields["max_text_chars"].default == MAX_TEXT_CHARS
