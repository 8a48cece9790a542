"""CSV and TSV (RFC 4180): a reader that keeps each row as it was written, and the writers."""

import csv
import io
import re
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, BinaryIO, NamedTuple

from serving.errors import RowsError
from serving.tables.added_columns import added_columns, added_values
from serving.tables.base import MAX_ROW_CHARS, Columns, Format, Row, RowResult, ScoredRows, Writer, names_of
from serving.tables.lines import read_lines, replace_undecoded, split_end
from serving.tables.sniffing import check_is_text, guess_delimiter

BYTE_ORDER_MARK = "\ufeff"

_NEEDS_QUOTES = re.compile('[",;\t\r\n]|^ | $')
# What a spreadsheet may run as a formula, full-width forms included (OWASP, "CSV Injection").
_FORMULA = re.compile("[=+\\-@\t\r\n＝＋－＠]")


def quoted(cell: str) -> str:
    """A cell of a CSV, in quotes where a delimiter, a quote, a line end or an outer space is in it."""
    return '"' + cell.replace('"', '""') + '"' if _NEEDS_QUOTES.search(cell) else cell


def escape_formula(cell: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would run it as a formula."""
    return "'" + cell if _FORMULA.match(cell) else cell


class Record(NamedTuple):
    """One record of a CSV.

    Attributes:
        text: as written, with its line end.
        cells: none where it is no CSV.
        fault: why it is no CSV, or "".
    """

    text: str
    cells: list[str]
    fault: str = ""


def read_records(lines: Iterator[str], delimiter: str) -> Iterator[Record]:
    """The records of a CSV (RFC 4180).

    Where the quotes of a record do not work out, its first line is a record of its own with a fault, and reading goes
    on with the line after it: a quote that was opened by mistake takes one row with it and no more.
    """
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # for the process; its default is an error at 128 KiB
    feed = _LineFeed(lines)
    rows = csv.reader(feed, delimiter=delimiter, strict=True)
    while True:
        feed.begin_record()
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Record(feed.keep_first_line(), [], f"not CSV: {error}")
        except _RecordTooLongError:
            yield Record(feed.keep_first_line(), [], "not CSV: a quote is not closed")
        else:
            yield Record("".join(feed.record), cells)


class _RecordTooLongError(Exception):
    """A record goes on for more than MAX_ROW_CHARS."""


class _LineFeed:
    """The lines that csv.reader takes. Unlike a generator it goes on after it has raised or come to its end."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.record: list[str] = []
        self._lines = lines
        self._returned: deque[str] = deque()
        self._chars = 0

    def __iter__(self) -> "_LineFeed":
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else next(self._lines)
        self.record.append(line)
        self._chars += len(line)
        if self._chars > MAX_ROW_CHARS:
            raise _RecordTooLongError
        return line

    def begin_record(self) -> None:
        self.record = []
        self._chars = 0

    def keep_first_line(self) -> str:
        """The record's first line; the others will come again."""
        self._returned.extendleft(reversed(self.record[1:]))
        return self.record[0]


class DelimitedReader:
    """Rows of a CSV or TSV.

    A row with fewer cells than the header is filled up with empty ones; one with more is written anew, so that cells
    can be added before its surplus; both have a fault. So has a line that is no CSV, which is kept as its row's first
    cell. A blank line is a row where there is one column, and none where there are more. What is not in `encoding` is
    kept: bytes of a UTF-8 file as lone surrogates (PEP 383), which `surrogateescape` writes as the same bytes again; in
    another encoding as U+FFFD.

    Args:
        file: read from where it stands; it is left open.
        encoding: a name from `check_encoding`.
        delimiter: one character; "" to guess it from the header.
        size: bytes of the file, where known.

    Raises:
        RowsError: there is no header, or a line is too long to be a row's.
    """

    def __init__(self, file: BinaryIO, encoding: str = "utf-8", delimiter: str = "", size: int | None = None) -> None:
        self.encoding = encoding
        self._file = file
        self._size = size
        errors = "surrogateescape" if encoding == "utf-8" else "replace"
        self._text = io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="")
        lines = read_lines(self._text)
        first_line = self._first_line(lines)
        check_is_text(first_line[:8].encode(encoding, errors))
        self.byte_order_mark = BYTE_ORDER_MARK if first_line.startswith(BYTE_ORDER_MARK) else ""
        first_line = first_line.removeprefix(BYTE_ORDER_MARK)
        self.delimiter = delimiter or guess_delimiter(first_line)
        self._records = read_records(chain([first_line], lines), self.delimiter)
        header = self._header()
        self.names = header.cells
        self.header, line_end = split_end(header.text)
        self.line_end = line_end or "\n"

    def columns(self) -> Columns:
        """Every column is a text."""
        return [(name, "string") for name in self.names]

    def rows(self) -> Iterator[Row]:
        """Every row, once. Raises RowsError where a line is too long."""
        several_columns = len(self.names) > 1
        for record in self._records:
            is_blank = not record.cells and not record.fault
            if not (is_blank and several_columns):
                yield self._row(record)

    def cell(self, row: Row, column: int) -> str:
        """The cell in the column of that index."""
        text: str = row.cells[column]
        return text

    def writer(self, labels: Sequence[str]) -> "DelimitedWriter":
        """A writer that keeps each row as it was written."""
        return DelimitedWriter(self, labels)

    def progress(self) -> float | None:
        """The share of the file that has been read."""
        return self._file.tell() / self._size if self._size else None

    def _first_line(self, lines: Iterator[str]) -> str:
        try:
            for line in lines:
                if line.strip("\r\n" + BYTE_ORDER_MARK):
                    return line
        except UnicodeError as error:  # without the byte-order mark that an encoding needs
            raise RowsError(f"it is not {self.encoding}: {error}") from None
        raise RowsError("it is empty; accepted: a header and rows")

    def _header(self) -> Record:
        record = next(self._records)
        if record.fault:
            raise RowsError(f"the header is {record.fault}")
        try:
            record.text.encode()
        except UnicodeEncodeError:
            raise RowsError(f"the header is not {self.encoding}; declare the file's encoding") from None
        return record

    def _row(self, record: Record) -> Row:
        cells, columns = record.cells, len(self.names)
        body, end = split_end(record.text)
        end = end or self.line_end
        if record.fault:
            cells = [body, *[""] * (columns - 1)]
            return Row(cells, record.fault, _joined(cells, self.delimiter), end)
        if len(cells) == columns:
            return Row(cells, "", body, end)
        if not cells:
            return Row([""], "", "", end)
        fault = f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'} where the header has {columns}"
        if len(cells) < columns:
            missing = columns - len(cells)
            return Row([*cells, *[""] * missing], fault, body + self.delimiter * missing, end)
        surplus = self.delimiter + _joined(cells[columns:], self.delimiter)
        return Row(cells, fault, _joined(cells[:columns], self.delimiter), surplus + end)


class DelimitedWriter(Writer):
    """A CSV or TSV like the one that was read: every byte of its rows is kept, and cells are added to each.

    Another encoding than UTF-8 becomes UTF-8.
    """

    def __init__(self, reader: DelimitedReader, labels: Sequence[str]) -> None:
        added_names = names_of(added_columns(labels, reader.names))
        self.label_column = added_names[0]
        self._reader = reader
        self._labels = labels
        self._added_header = _added_text(added_names, reader.delimiter)
        # Bytes that are no UTF-8 go out as they came.
        self._errors = "surrogateescape" if reader.encoding == "utf-8" else "strict"

    def header(self) -> bytes:
        """The header as it was written, with its byte-order mark and the added names."""
        reader = self._reader
        return f"{reader.byte_order_mark}{reader.header}{self._added_header}{reader.line_end}".encode()

    def page(self, rows: ScoredRows) -> bytes:
        """The rows as they were written, with the added cells."""
        text = "".join([f"{row.before}{self._added_cells(result)}{row.after}" for row, result in rows])
        return text.encode("utf-8", self._errors)

    def _added_cells(self, result: RowResult) -> str:
        return _added_text(added_values(result, self._labels), self._reader.delimiter)


class NewDelimitedWriter(Writer):
    """A CSV or TSV of another format's values."""

    def __init__(self, columns: Columns, labels: Sequence[str], delimiter: str) -> None:
        self._names = names_of(columns)
        self._added_names = names_of(added_columns(labels, self._names))
        self.label_column = self._added_names[0]
        self._labels = labels
        self._delimiter = delimiter

    def header(self) -> bytes:
        """All columns' names."""
        names = _joined(self._names, self._delimiter)
        return f"{names}{_added_text(self._added_names, self._delimiter)}\n".encode()

    def page(self, rows: ScoredRows) -> bytes:
        """A line for each row; cells beyond the last column come after the added ones."""
        return replace_undecoded("".join([self._line(row, result) for row, result in rows])).encode()

    def _line(self, row: Row, result: RowResult) -> str:
        cells, surplus = row.cells[: len(self._names)], row.cells[len(self._names) :]
        added = _added_text(added_values(result, self._labels), self._delimiter)
        after = self._delimiter + _joined(surplus, self._delimiter) if surplus else ""
        return f"{_joined(cells, self._delimiter)}{added}{after}\n"


def _joined(cells: Sequence[Any], delimiter: str) -> str:
    """A file's own cells, which are none of ours to make safe."""
    return delimiter.join(["" if cell is None else quoted(str(cell)) for cell in cells])


def _added_text(values: Sequence[Any], delimiter: str) -> str:
    """Added cells, safe for a spreadsheet, with a delimiter before each."""
    return "".join([delimiter + _added_cell(value) for value in values])


def _added_cell(value: Any) -> str:
    if value is None:
        return ""
    return quoted(escape_formula(value)) if isinstance(value, str) else repr(value)


CSV = Format(
    suffix=".csv",
    media_type="text/csv",
    open_reader=lambda file, options: DelimitedReader(file, options.encoding, options.delimiter, options.size),
    new_writer=lambda columns, labels: NewDelimitedWriter(columns, labels, ","),
)
TSV = Format(
    suffix=".tsv",
    media_type="text/tab-separated-values",
    open_reader=lambda file, options: DelimitedReader(file, options.encoding, options.delimiter or "\t", options.size),
    new_writer=lambda columns, labels: NewDelimitedWriter(columns, labels, "\t"),
)
