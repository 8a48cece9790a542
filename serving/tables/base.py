"""Base classes of the table formats: rows, reader, writer, and the format that opens them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from serving.tables.added_columns import Columns, RowResult, added_columns

# Rows that are read, predicted and written at once: enough that a batch finds texts of like length among them.
CHUNK_ROWS = 2048
# Characters of such rows, but for the last row's: rows may be long, and the files that are in work many.
CHUNK_CHARS = 4 * 1024 * 1024
# Characters of one row, so that a quote that is never closed cannot take the rest of a file into memory.
MAX_ROW_CHARS = 1024 * 1024
# Characters of one text, unless said otherwise: as Settings.max_text_chars.
MAX_TEXT_CHARS = 10_000


class Row(NamedTuple):
    """One row as it was read.

    Attributes:
        cells: a value a column, and more where the row has more; or one JSON object. `Reader.cell` looks into them.
        fault: why the row cannot be predicted, or "".
        before: the row as it was written, up to where cells can be added; "" where its file is no text.
        after: what was written behind that, with the line end.
    """

    cells: list[Any]
    fault: str = ""
    before: str = ""
    after: str = ""


ScoredRows = Sequence[tuple[Row, RowResult]]


class Writer(ABC):
    """Makes bytes that can be appended to a file, and the finished file of them.

    Args:
        names: of the file's own columns.
        labels: of the model.
    """

    def __init__(self, names: Sequence[str], labels: Sequence[str]) -> None:
        self.names = names
        self.labels = labels
        self.added_columns = added_columns(labels, names)
        self.added_names = names_of(self.added_columns)

    def header(self) -> bytes:
        """What stands before the first row."""
        return b""

    @abstractmethod
    def page(self, rows: ScoredRows) -> bytes:
        """Some rows, which must not be none, with the added columns."""

    def finish(self, pages: Path) -> Path:
        """The finished file of all pages, beside `pages` or the same."""
        return pages


class Reader(ABC):
    """An open file of rows.

    Attributes:
        names: of its columns, in order.
        encoding: of its texts.
    """

    names: list[str]
    encoding = "utf-8"

    @abstractmethod
    def rows(self) -> Iterator[Row]:
        """Every row, once. Raises RowsError."""

    @abstractmethod
    def writer(self, labels: Sequence[str]) -> Writer:
        """A writer of the same format, which keeps each row as it was written."""

    @abstractmethod
    def progress(self) -> float | None:
        """The share of the file that has been read, 0 to 1; None where its size is not known."""

    def columns(self) -> Columns:
        """The columns for a writer of another format. Raises RowsError where rows have no columns in common."""
        return [(name, "string") for name in self.names]

    def cell(self, row: Row, column: int) -> Any:
        """The value of a row in the column of that index. Raises KeyError where the row has none."""
        return row.cells[column]


class ReadOptions(NamedTuple):
    """How a file is read, where its format leaves that open.

    Attributes:
        encoding: a name from `check_encoding`.
        delimiter: one character; "" to guess it.
        size: bytes of the file, where known.
    """

    encoding: str = "utf-8"
    delimiter: str = ""
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file.

    Attributes:
        suffix: of its files' names, with the dot.
        media_type: its name in HTTP.
        open_reader: opens a file from where it stands, and leaves it open. Raises RowsError.
        new_writer: makes a writer of another format's columns and the labels. Raises RowsError where it cannot be.
        streams: whether pages, one after the other, are a file as they stand, and so can go through a pipe.
    """

    suffix: str
    media_type: str
    open_reader: Callable[[BinaryIO, ReadOptions], Reader]
    new_writer: Callable[[Columns, Sequence[str]], Writer]
    streams: bool = True


def names_of(columns: Columns) -> list[str]:
    """The columns' names, in order."""
    return [name for name, _ in columns]


def in_chunks(rows: Iterable[Row], max_rows: int = CHUNK_ROWS, max_chars: int = CHUNK_CHARS) -> Iterator[list[Row]]:
    """Rows in lists of `max_rows`, or of fewer where these have `max_chars` characters."""
    chunk: list[Row] = []
    chars = 0
    for row in rows:
        chunk.append(row)
        chars += len(row.before)
        if len(chunk) == max_rows or chars >= max_chars:
            yield chunk
            chunk, chars = [], 0
    if chunk:
        yield chunk
