"""JSONL (jsonlines.org), one JSON object a line: a reader that keeps each line as it was written, and the writers."""

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, BinaryIO, NoReturn

from serving.errors import RowsError
from serving.tables.added_columns import Columns, RowResult, added_columns, added_values, with_surplus
from serving.tables.base import Format, ReadOptions, Row, ScoredRows, Writer, names_of
from serving.tables.sniffing import listed
from serving.tables.text import TextReader, split_end

# What a line that is no JSON object is kept under.
LINE_KEY = "line"

# What is no JSON, such as a date, becomes a string.
_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


class JsonlReader(TextReader):
    """Rows of JSON objects in UTF-8, each with keys of its own; its columns are the keys of the first one.

    A line that is no object is kept as the string of `{"line": ...}` and has a fault. Blank lines are no rows.

    Args:
        file: read from where it stands; it is left open.
        options: of which only the size matters.

    Raises:
        RowsError: there is no row, or a line is too long.
    """

    def __init__(self, file: BinaryIO, options: ReadOptions) -> None:
        super().__init__(file, ReadOptions(size=options.size))
        rows = (_row(line) for line in self.lines() if line.strip())
        first_row = next(rows, None)
        if first_row is None:
            raise RowsError("it is empty; accepted: a JSON object a line")
        self._rows = chain([first_row], rows)
        self.names = list(first_row.cells[0])

    def rows(self) -> Iterator[Row]:
        """Every row, once. Raises RowsError where a line is too long."""
        return self._rows

    def writer(self, labels: Sequence[str]) -> "JsonlWriter":
        """A writer that keeps each object as it was written."""
        return JsonlWriter(self.names, labels)

    def columns(self) -> Columns:
        """Raises RowsError: no columns hold for every object."""
        raise RowsError(f"JSONL has no fixed columns, so its output can be no other format; accepted: {JSONL.suffix}")

    def cell(self, row: Row, column: int) -> Any:
        """The value of the column's key. Raises KeyError where this object has none."""
        return row.cells[0][self.names[column]]


def _row(line: str) -> Row:
    body, end = split_end(line)
    body = body.strip()
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return Row([value], "", body[:-1].rstrip(), "}" + (end or "\n"))
    return _new_row({LINE_KEY: body}, "not a JSON object", end or "\n")


def _new_row(value: dict[str, Any], fault: str = "", end: str = "\n") -> Row:
    """A row that is written anew."""
    return Row([value], fault, _encode(value)[:-1], "}" + end)


def _refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity are no JSON (RFC 8259), though Python reads them."""
    raise ValueError(name)


class JsonlWriter(Writer):
    """JSONL of objects as they were written, with keys added to each."""

    def page(self, rows: ScoredRows) -> bytes:
        """A line for each row. Bytes that are no UTF-8 go out as they came."""
        lines = [f"{row.before}{self._added_keys(row.cells[0], result)}{row.after}" for row, result in rows]
        return "".join(lines).encode("utf-8", "surrogateescape")

    def _added_keys(self, value: dict[str, Any], result: RowResult) -> str:
        """Keys and values without braces, with a comma first where the object has any of its own."""
        names = self.added_names
        if not value.keys().isdisjoint(names):
            names = names_of(added_columns(self.labels, value))
        added = dict(zip(names, added_values(result, self.labels), strict=True))
        return (", " if value else "") + _encode(added)[1:-1]


class NewJsonlWriter(JsonlWriter):
    """JSONL of another format's values.

    Raises:
        RowsError: two columns have the same name.
    """

    def __init__(self, columns: Columns, labels: Sequence[str]) -> None:
        super().__init__(names_of(columns), labels)
        if len(set(self.names)) < len(self.names):
            raise RowsError(f"JSONL needs columns of distinct names; found: {listed(self.names)}")

    def page(self, rows: ScoredRows) -> bytes:
        """A line for each row. Bytes that are no UTF-8 become U+FFFD."""
        columns = len(self.names)
        new_rows = [(self._object(row), with_surplus(result, row.cells[columns:])) for row, result in rows]
        return super().page(new_rows).decode("utf-8", "replace").encode()

    def _object(self, row: Row) -> Row:
        values = [None if value != value else value for value in row.cells]  # as NaN alone does
        return _new_row(dict(zip(self.names, values, strict=False)))


JSONL = Format(".jsonl", "application/jsonl", JsonlReader, NewJsonlWriter)
