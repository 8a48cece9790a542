"""Readers of bytes, for tests."""

import io
from typing import Any

from serving.tables.base import Reader, ReadOptions
from serving.tables.delimited import DelimitedReader
from serving.tables.formats import open_reader
from serving.tables.jsonl import JsonlReader
from serving.tables.text import TextFile


def text_file(content: bytes, encoding: str = "", size: int | None = None) -> TextFile:
    return TextFile(io.BytesIO(content), encoding, size)


def delimited(content: bytes, **options: Any) -> DelimitedReader:
    read_options = ReadOptions(**options)
    return DelimitedReader(text_file(content, read_options.encoding), read_options)


def jsonl(content: bytes, encoding: str = "") -> JsonlReader:
    return JsonlReader(text_file(content, encoding), ReadOptions())


def any_text(content: bytes, **options: Any) -> Reader:
    return open_reader(io.BytesIO(content), ReadOptions(**options))
