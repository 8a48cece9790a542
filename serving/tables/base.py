"""Base classes of the table formats: rows, reader, writer, and the format that opens them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from serving.tables.added_columns import AddedColumns, Columns, RowResult
from serving.tables.columns import loose_name
from serving.tables.text import OutputEncoding, TextFile

# Rows that are read, predicted and written at once: enough that a batch finds texts of like length among them.
CHUNK_ROWS = 2048
# Characters of such rows, but for the last row's: rows may be long, and the files that are in work many.
CHUNK_CHARS = 4 * 1024 * 1024
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
        reader: of the rows.
        added: the columns that are added.
        encoding: of a text file.
    """

    def __init__(self, reader: "Reader", added: AddedColumns, encoding: OutputEncoding) -> None:
        self.reader = reader
        self.names = reader.names
        self.added = added
        self.encoding = encoding
        self.added_columns = added.columns(reader.names)
        self.added_names = names_of(self.added_columns)

    def header(self) -> bytes:
        """What stands before the first row."""
        return self.encoding.beginning

    @abstractmethod
    def page(self, rows: ScoredRows) -> bytes:
        """Some rows, which must not be none, with the added columns."""

    def finish(self, pages: Path) -> Path:
        """The finished file of all pages, beside `pages` or the same."""
        return pages


class Reader(ABC):
    """An open file of rows.

    Attributes:
        format: of the file.
        names: of its columns, in order; those without one are called column_1 and so on.
        encoding: of its texts.
        output_encoding: of an answer in the same format, unless another is asked for.
        decimal_comma: whether its texts have numbers as 0,5.
        notes: sentences on what was decided about the file and not declared.
    """

    format: "Format"
    names: list[str]
    encoding = "utf-8"
    output_encoding = OutputEncoding()
    decimal_comma = False
    notes: Sequence[str] = ()

    @abstractmethod
    def rows(self) -> Iterator[Row]:
        """Every row, once. Raises RowsError."""

    @abstractmethod
    def writer(self, added: AddedColumns, encoding: OutputEncoding) -> Writer:
        """A writer of the same format, which keeps each row as it was written."""

    @abstractmethod
    def progress(self) -> float | None:
        """The share of the file that has been read, 0 to 1; None where its size is not known."""

    @property
    def shown_names(self) -> Sequence[str]:
        """The names that an error may show: those of the columns, unless they may be somebody's text."""
        return self.names

    def columns(self) -> Columns:
        """The columns for a writer of another format."""
        return [(name, "string") for name in self.names]

    def cells(self, row: Row) -> list[Any]:
        """The values of a row, one a column, None where it has none; then what it has beyond them."""
        return row.cells

    def cell(self, row: Row, column: int) -> Any:
        """The value of a row in the column of that index. Raises KeyError where the row has none."""
        return row.cells[column]


class ReadOptions(NamedTuple):
    """How a file is read, where it does not say so itself.

    Attributes:
        encoding: a name from `check_encoding`; "" where it is not declared.
        delimiter: one character; "" to find it.
        header: whether the first row has the names of the columns: "true", "false", or "auto" to find it out.
        has_quotes: whether cells of a delimited file may be quoted.
        size: bytes of the file, where known.
        row_groups: of a Parquet file that are read: the first, and the one behind the last; None for all.
        names: that columns must have, as `loose_name` gives them: a first row with all of them is a header.
    """

    encoding: str = ""
    delimiter: str = ""
    header: str = "auto"
    has_quotes: bool = True
    size: int | None = None
    row_groups: tuple[int, int] | None = None
    names: frozenset[str] = frozenset()

    def knowing_header(self, first_row: Sequence[str]) -> "ReadOptions":
        """The options, which say that there is a header where the first row has all names."""
        is_header = self.header == "auto" and self.names and self.names <= set(map(loose_name, first_row))
        return self._replace(header="true") if is_header else self


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file.

    Attributes:
        suffixes: of its files' names, with the dot; the first is what it is called by.
        media_type: its name in HTTP.
        new_writer: makes a writer of another format's rows. Raises RowsError where it cannot hold them.
        open_text: opens a text file of the kind; None where it is no text. Raises RowsError.
        open_binary: opens another file, which it leaves open; None where it is a text. Raises RowsError.
        recognizes: whether a text file is of the kind, by its beginning.
    """

    suffixes: tuple[str, ...]
    media_type: str
    new_writer: Callable[[Reader, AddedColumns, OutputEncoding], Writer]
    open_text: Callable[[TextFile, ReadOptions], Reader] | None = None
    open_binary: Callable[[BinaryIO, ReadOptions], Reader] | None = None
    recognizes: Callable[[str], bool] = lambda sample: False  # noqa: ARG005

    @property
    def name(self) -> str:
        """What it is called on a command line."""
        return self.suffixes[0].removeprefix(".")


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
