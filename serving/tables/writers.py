"""Rows with their answers, as the bytes of a file."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from serving.errors import RowsError
from serving.model.types import Prediction
from serving.tables.base import Columns, Row
from serving.tables.delimited import DelimitedReader
from serving.tables.escaping import harmless, quoted, whole_text
from serving.tables.parquet import ArrowPages
from serving.tables.sniffing import listed

NOTHING_TO_READ = "no text"
PREFIX = "predicted_"


class Answer(NamedTuple):
    """What is added to one row: a prediction, or why there is none."""

    prediction: Prediction | None
    error: str = ""

    def values(self, labels: Sequence[str]) -> list[Any]:
        """The cells as values, None where there is nothing to say."""
        if self.prediction is None:
            return [None] * (2 + len(labels)) + [self.error]
        found = self.prediction
        return [found.label, found.probability, *found.probabilities.values(), None]


def added_columns(labels: Sequence[str], taken: Collection[str]) -> Columns:
    """Name and type of each; all begin with `predicted_`, or more of it, where one of the names is taken."""
    floats = [(name, "double") for name in ("probability", *(f"p_{label}" for label in labels))]
    added: Columns = [("label", "string"), *floats, ("error", "string")]
    prefix = ""
    while any(prefix + name in taken for name, _ in added):
        prefix += PREFIX
    return [(prefix + name, kind) for name, kind in added]


class AddedCells:
    """The added columns as text of a CSV, safe for a spreadsheet."""

    def __init__(self, labels: Sequence[str], names: Sequence[str], delimiter: str) -> None:
        self._delimiter = delimiter
        self._labels = {label: _cell(label) for label in labels}
        self._empty = delimiter * (len(labels) + 3)
        self.header = "".join(delimiter + _cell(name) for name in names)

    def cells(self, answer: Answer) -> str:
        """The cells of one row, a delimiter before each."""
        found = answer.prediction
        if found is None:
            return self._empty + _cell(answer.error)
        cells = [self._labels[found.label], repr(found.probability), *map(repr, found.probabilities.values()), ""]
        return self._delimiter + self._delimiter.join(cells)


class AddedKeys:
    """The added columns as text within a JSON object."""

    def __init__(self, labels: Sequence[str], names: Sequence[str]) -> None:
        self._labels, self._names = labels, names

    def keys(self, answer: Answer, taken: dict[str, Any]) -> str:
        """The keys and values for an object that has the keys `taken`, without braces; a comma first where needed."""
        names = self._names
        if not taken.keys().isdisjoint(names):
            names = [name for name, _ in added_columns(self._labels, taken)]
        added = dict(zip(names, answer.values(self._labels), strict=True))
        return (", " if taken else "") + json.dumps(added, ensure_ascii=False)[1:-1]


def _cell(text: str) -> str:
    return quoted(harmless(text))


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
