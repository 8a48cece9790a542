"""Rows of a JSONL file: one JSON object a line, each kept as it was written."""

import io
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from serving.errors import RowsError
from serving.tables.base import CHUNK, Columns, Row
from serving.tables.delimited import MAX_RECORD
from serving.tables.escaping import without_end

TEXT_KEY = "line"
"""What a line that is no JSON object is kept under."""


class JsonLinesReader:
    """Rows of JSON objects (jsonlines.org), each with keys of its own; `cells` holds the object alone.

    A line that is no object is kept as the string of `{"line": ...}` and has a fault. Blank lines are no rows.
    Raises RowsError where there is no row, or a line is too long.
    """

    columns: Columns

    def __init__(self, file: BinaryIO, size: int | None = None) -> None:
        self._file, self._size = file, size
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self._rows = self._read()
        first = next(self._rows, None)
        if first is None:
            raise RowsError("it is empty; accepted: a JSON object a line")
        self._first = first
        self.columns = [(key, "string") for key in first.cells[0]]

    def chunks(self) -> Iterator[list[Row]]:
        """Lists of rows."""
        chunk = [self._first]
        for row in self._rows:
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
            chunk.append(row)
        yield chunk

    def done(self) -> float | None:
        """The part of the file that has been read."""
        return self._file.tell() / self._size if self._size else None

    def _read(self) -> Iterator[Row]:
        for number, line in enumerate(iter(lambda: self._text.readline(MAX_RECORD + 1), ""), start=1):
            if len(line) > MAX_RECORD:
                raise RowsError(f"line {number:,} has more than {MAX_RECORD:,} characters, the most that is accepted")
            if not line.isspace():
                yield _row(line)


def _row(line: str) -> Row:
    body, end = without_end(line)
    body = body.strip()
    try:
        found = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return Row([found], "", body[:-1].rstrip(), "}" + (end or "\n"))
    kept = json.dumps({TEXT_KEY: body}, ensure_ascii=False)
    return Row([{TEXT_KEY: body}], "not a JSON object", kept[:-1], "}" + (end or "\n"))


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
