"""Rows with their answers, as the bytes of a file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from serving.errors import RowsError
from serving.rows.added import AddedCells, AddedKeys, Answer, added_columns
from serving.rows.cells import quoted, whole_text
from serving.rows.column import listed
from serving.rows.delimited import DelimitedReader
from serving.rows.parquet import ArrowPages
from serving.rows.table import Columns, Row

Pairs = Sequence[tuple[Row, Answer]]


class Writer(Protocol):
    """Makes bytes that can be appended to a file, and a whole file of them."""

    def header(self) -> bytes: ...

    def page(self, pairs: Pairs) -> bytes: ...

    def finish(self, pages: Path) -> Path:
        """The whole file's path, beside `pages`, which may be the same."""
        ...


class _Text:
    """A file of text is whole as it stands."""

    def header(self) -> bytes:
        return b""

    def finish(self, pages: Path) -> Path:
        return pages


class SameDelimited(_Text):
    """A CSV like the one that was read: every byte of it kept, and cells added to each row.

    `mark`: keep its byte-order mark. Another encoding than UTF-8 becomes UTF-8.
    """

    def __init__(self, reader: DelimitedReader, labels: Sequence[str], *, mark: bool = False) -> None:
        self._reader, self._mark = reader, reader.mark if mark else ""
        self.delimiter = reader.delimiter
        names = [name for name, _ in added_columns(labels, [name for name, _ in reader.columns])]
        self.label_column = names[0]
        self._added = AddedCells(labels, names, reader.delimiter)
        # Bytes that are no UTF-8 go out as they came.
        self._errors = "surrogateescape" if reader.encoding == "utf-8" else "strict"

    def header(self) -> bytes:
        return f"{self._mark}{self._reader.header}{self._added.header}{self._reader.end}".encode()

    def page(self, pairs: Pairs) -> bytes:
        added = self._added.cells
        text = "".join([f"{row.before}{added(answer)}{row.after}" for row, answer in pairs])
        return text.encode("utf-8", self._errors)

    def added_size(self, pairs: Pairs) -> int:
        """Bytes of what is added to these rows."""
        return sum(len(self._added.cells(answer).encode()) for _, answer in pairs)


class SameJsonLines(_Text):
    """JSONL like the one that was read: every object as written, and keys added to it."""

    def __init__(self, columns: Columns, labels: Sequence[str]) -> None:
        names = [name for name, _ in added_columns(labels, [name for name, _ in columns])]
        self._added = AddedKeys(labels, names)

    def page(self, pairs: Pairs) -> bytes:
        lines = [f"{row.before}{self._added.keys(answer, row.cells[0])}{row.after}" for row, answer in pairs]
        return "".join(lines).encode("utf-8", "surrogateescape")


class NewDelimited(_Text):
    """A CSV or TSV of another file's values."""

    def __init__(self, columns: Columns, labels: Sequence[str], delimiter: str) -> None:
        self._names, self._delimiter = [name for name, _ in columns], delimiter
        self._added = AddedCells(labels, [name for name, _ in added_columns(labels, self._names)], delimiter)

    def header(self) -> bytes:
        return (self._join(self._names) + self._added.header + "\n").encode()

    def page(self, pairs: Pairs) -> bytes:
        return "".join([self._line(row, answer) for row, answer in pairs]).encode()

    def _line(self, row: Row, answer: Answer) -> str:
        own, surplus = row.cells[: len(self._names)], row.cells[len(self._names) :]
        rest = self._delimiter + self._join(surplus) if surplus else ""
        return self._join(own) + self._added.cells(answer) + rest + "\n"

    def _join(self, cells: Sequence[Any]) -> str:
        texts = ["" if cell is None else whole_text(str(cell)) for cell in cells]
        return self._delimiter.join(map(quoted, texts))


class NewJsonLines(_Text):
    """JSONL of another file's values; what is no JSON, such as a date, as a string. Raises RowsError."""

    def __init__(self, columns: Columns, labels: Sequence[str]) -> None:
        self._names, self._labels = [name for name, _ in columns], labels
        if len(set(self._names)) < len(self._names):
            raise RowsError(f"JSONL needs columns of distinct names; found: {listed(self._names)}")
        self._all = self._names + [name for name, _ in added_columns(labels, self._names)]

    def page(self, pairs: Pairs) -> bytes:
        return "".join([self._line(row, answer) for row, answer in pairs]).encode()

    def _line(self, row: Row, answer: Answer) -> str:
        values = row.cells[: len(self._names)] + with_surplus(row, answer, len(self._names)).values(self._labels)
        known = [None if value != value else value for value in values]  # as NaN alone does
        line = json.dumps(dict(zip(self._all, known, strict=True)), ensure_ascii=False, default=str)
        return whole_text(line) + "\n"


class NewParquet:
    """Parquet."""

    def __init__(self, columns: Columns, labels: Sequence[str]) -> None:
        self._labels, self._columns = labels, len(columns)
        self._pages = ArrowPages([*columns, *added_columns(labels, [name for name, _ in columns])])

    def header(self) -> bytes:
        return b""

    def page(self, pairs: Pairs) -> bytes:
        rows = [
            row.cells[: self._columns] + with_surplus(row, answer, self._columns).values(self._labels)
            for row, answer in pairs
        ]
        return self._pages.page(rows)

    def finish(self, pages: Path) -> Path:
        whole = pages.with_name(f"{pages.name}.whole")
        self._pages.to_parquet(pages, whole)
        return whole


def with_surplus(row: Row, answer: Answer, columns: int) -> Answer:
    """The answer that also tells the cells beyond the last column, where the file has no other place for them."""
    surplus = row.cells[columns:]
    if not surplus:
        return answer
    return answer._replace(error=f"{answer.error}; beyond the last: {', '.join(map(repr, surplus))}")
