"""JSONL (jsonlines.org), one JSON object a line: a reader that keeps each line as it was written, and the writers."""

import io
import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, BinaryIO, NoReturn

from serving.errors import RowsError
from serving.tables.added_columns import added_columns, added_values, row_values
from serving.tables.base import Columns, Format, Row, RowResult, ScoredRows, Writer, names_of
from serving.tables.lines import read_lines, replace_undecoded, split_end
from serving.tables.sniffing import listed

# What a line that is no JSON object is kept under.
LINE_KEY = "line"


class JsonlReader:
    """Rows of JSON objects, each with keys of its own; its columns are the keys of the first one.

    A line that is no object is kept as the string of `{"line": ...}` and has a fault. Blank lines are no rows.

    Args:
        file: read from where it stands; it is left open.
        size: bytes of the file, where known.

    Raises:
        RowsError: there is no row, or a line is too long.
    """

    encoding = "utf-8"

    def __init__(self, file: BinaryIO, size: int | None = None) -> None:
        self._file = file
        self._size = size
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        rows = (_row(line) for line in read_lines(self._text) if not line.isspace())
        first_row = next(rows, None)
        if first_row is None:
            raise RowsError("it is empty; accepted: a JSON object a line")
        self._rows = chain([first_row], rows)
        self.names = list(first_row.cells[0])

    def columns(self) -> Columns:
        """Raises RowsError: no columns hold for every object."""
        raise RowsError(f"JSONL has no fixed columns, so its output can be no other format; accepted: {JSONL.suffix}")

    def rows(self) -> Iterator[Row]:
        """Every row, once. Raises RowsError where a line is too long."""
        return self._rows

    def cell(self, row: Row, column: int) -> Any:
        """The value of the column's key. Raises KeyError where this object has none."""
        return row.cells[0][self.names[column]]

    def writer(self, labels: Sequence[str]) -> "JsonlWriter":
        """A writer that keeps each object as it was written."""
        return JsonlWriter(self.names, labels)

    def progress(self) -> float | None:
        """The share of the file that has been read."""
        return self._file.tell() / self._size if self._size else None


def _row(line: str) -> Row:
    body, end = split_end(line)
    body = body.strip()
    after = "}" + (end or "\n")
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return Row([value], "", body[:-1].rstrip(), after)
    replacement = {LINE_KEY: body}
    return Row([replacement], "not a JSON object", json.dumps(replacement, ensure_ascii=False)[:-1], after)


def _refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity are no JSON (RFC 8259), though Python reads them."""
    raise ValueError(name)


class JsonlWriter(Writer):
    """JSONL like the one that was read: every object as it was written, and keys added to it."""

    def __init__(self, names: Sequence[str], labels: Sequence[str]) -> None:
        self._labels = labels
        self._added_names = names_of(added_columns(labels, names))
        self.label_column = self._added_names[0]

    def page(self, rows: ScoredRows) -> bytes:
        """A line for each row."""
        lines = [f"{row.before}{self._added_keys(row.cells[0], result)}{row.after}" for row, result in rows]
        return "".join(lines).encode("utf-8", "surrogateescape")

    def _added_keys(self, own: dict[str, Any], result: RowResult) -> str:
        """Keys and values without braces, with a comma first where the object has any of its own."""
        names = self._added_names
        if not own.keys().isdisjoint(names):
            names = names_of(added_columns(self._labels, own))
        added = dict(zip(names, added_values(result, self._labels), strict=True))
        return (", " if own else "") + json.dumps(added, ensure_ascii=False)[1:-1]


class NewJsonlWriter(Writer):
    """JSONL of another format's values; what is no JSON, such as a date, as a string.

    Raises:
        RowsError: two columns have the same name.
    """

    def __init__(self, columns: Columns, labels: Sequence[str]) -> None:
        names = names_of(columns)
        if len(set(names)) < len(names):
            raise RowsError(f"JSONL needs columns of distinct names; found: {listed(names)}")
        added_names = names_of(added_columns(labels, names))
        self.label_column = added_names[0]
        self._names = names + added_names
        self._columns = len(columns)
        self._labels = labels

    def page(self, rows: ScoredRows) -> bytes:
        """A line for each row."""
        return replace_undecoded("".join([self._line(row, result) for row, result in rows])).encode()

    def _line(self, row: Row, result: RowResult) -> str:
        values = row_values(row, result, self._columns, self._labels)
        known = [None if value != value else value for value in values]  # as NaN alone does
        return json.dumps(dict(zip(self._names, known, strict=True)), ensure_ascii=False, default=str) + "\n"


JSONL = Format(
    suffix=".jsonl",
    media_type="application/jsonl",
    open_reader=lambda file, options: JsonlReader(file, options.size),
    new_writer=NewJsonlWriter,
)
