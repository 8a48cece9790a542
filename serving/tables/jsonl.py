"""JSONL (jsonlines.org), one JSON object a line: a reader that keeps each line as it was written, and the writers."""

import json
import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from serving.errors import RowsError
from serving.tables.added_columns import AddedColumns, RowResult, with_surplus
from serving.tables.base import CHUNK_ROWS, Format, Reader, ReadOptions, Row, ScoredRows, Writer, names_of
from serving.tables.columns import listed
from serving.tables.kinds import is_jsonl
from serving.tables.records import too_long
from serving.tables.text import OutputEncoding, TextFile, decodable, split_end

# What a line that is no JSON object is kept under.
LINE_KEY = "line"

_STRING_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|(-?Infinity|NaN)')

# What is no JSON, such as a date, becomes a string.
_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


class JsonlReader(Reader):
    """Rows of JSON objects, each with keys of its own; the columns are the keys of the first rows.

    A line that is no object is kept as the string of `{"line": ...}` and has a fault. NaN and Infinity, which are no
    JSON (RFC 8259) though Python writes them, are null. Blank lines are no rows.

    Args:
        source: at its beginning; it is left open.
        options: none of them matters.

    Raises:
        RowsError: there is no row.
    """

    def __init__(self, source: TextFile, options: ReadOptions) -> None:  # noqa: ARG002
        self.format = JSONL
        self.encoding, self.notes = source.encoding, source.notes
        self.output_encoding = OutputEncoding(mark=source.marked)
        self._source = source
        rows = (_row(line) for line in source.lines() if line.strip())
        first_rows = list(islice(rows, CHUNK_ROWS))
        if not first_rows:
            raise RowsError("it is empty; accepted: a JSON object a line")
        self._rows = chain(first_rows, rows)
        self.names = list(dict.fromkeys(name for row in first_rows if not row.fault for name in row.cells[0]))

    def rows(self) -> Iterator[Row]:
        """Every row, once."""
        return self._rows

    def writer(self, added: AddedColumns, encoding: OutputEncoding) -> "JsonlWriter":
        """A writer that keeps each object as it was written."""
        return JsonlWriter(self, added, encoding)

    def progress(self) -> float | None:
        """The share of the file that has been read."""
        return self._source.progress()

    def cells(self, row: Row) -> list[Any]:
        """The values of the columns' keys, numbers as they were written; then each other key with its value as JSON."""
        value = row.cells[0]
        with_texts = json.loads(row.before + row.after, parse_int=str, parse_float=str)
        cells = [(with_texts if _is_number(value.get(name)) else value).get(name) for name in self.names]
        return [*cells, *[_encode({name: value[name]}) for name in value if name not in self.names]]

    def cell(self, row: Row, column: int) -> Any:
        """The value of the column's key. Raises KeyError where this object has none."""
        return row.cells[0][self.names[column]]


def _row(line: str) -> Row:
    body, end = split_end(line)
    body, end = body.strip(), end or "\n"
    constants: list[str] = []
    try:
        value = None if too_long(line) else json.loads(body, parse_constant=constants.append)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        line_object = _encode({LINE_KEY: body})
        return Row([{LINE_KEY: body}], too_long(line) or "not a JSON object", line_object[:-1], "}" + end)
    if constants:
        body = _STRING_OR_CONSTANT.sub(lambda match: "null" if match[1] else match[0], body)
    return Row([value], "", body[:-1].rstrip(), "}" + end)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class JsonlWriter(Writer):
    """JSONL of objects as they were written, with keys added to each."""

    def page(self, rows: ScoredRows) -> bytes:
        """A line for each row."""
        lines = [f"{row.before}{self._added_keys(row.cells[0], result)}{row.after}" for row, result in rows]
        return self.encoding.encode("".join(lines))

    def _added_keys(self, value: dict[str, Any], result: RowResult) -> str:
        """Keys and values without braces, with a comma first where the object has any of its own."""
        names = self.added_names
        if not value.keys().isdisjoint(names):
            names = names_of(self.added.columns(value))
        added = dict(zip(names, self.added.values(result), strict=True))
        return (", " if value else "") + _encode(added)[1:-1]


class NewJsonlWriter(JsonlWriter):
    """JSONL of another format's values.

    Raises:
        RowsError: two columns have the same name.
    """

    def __init__(self, reader: Reader, added: AddedColumns, encoding: OutputEncoding) -> None:
        super().__init__(reader, added, encoding)
        if len(set(self.names)) < len(self.names):
            raise RowsError(f"JSONL needs columns of distinct names; found: {listed(self.names)}")

    def page(self, rows: ScoredRows) -> bytes:
        """A line for each row."""
        return super().page([self._object(row, result) for row, result in rows])

    def _object(self, row: Row, result: RowResult) -> tuple[Row, RowResult]:
        cells, columns = self.reader.cells(row), len(self.names)
        values = [None if value != value else value for value in cells[:columns]]  # as NaN alone does
        value = dict(zip(self.names, values, strict=True))
        new_row = Row([value], row.fault, decodable(_encode(value))[:-1], "}\n")
        return new_row, with_surplus(result, cells[columns:])


JSONL = Format((".jsonl", ".ndjson", ".json"), "application/jsonl", NewJsonlWriter, JsonlReader, recognizes=is_jsonl)
