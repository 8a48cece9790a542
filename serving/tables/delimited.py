"""CSV and TSV (RFC 4180): a reader that keeps each row as it was written, and the writers."""

import csv
import re
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, BinaryIO, NamedTuple

from serving.errors import RowsError
from serving.tables.added_columns import Columns, RowResult, added_values
from serving.tables.base import MAX_ROW_CHARS, Format, ReadOptions, Row, ScoredRows, Writer, names_of
from serving.tables.sniffing import check_is_text, guess_delimiter
from serving.tables.text import TextReader, split_end

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


class DelimitedReader(TextReader):
    """Rows of a CSV or TSV.

    A row with fewer cells than the header is filled up with empty ones; one with more is written anew, so that cells
    can be added before its surplus; both have a fault. So has a line that is no CSV, which is kept as its row's first
    cell. A blank line is a row where there is one column, and none where there are more.

    Args:
        file: read from where it stands; it is left open.
        options: where they have no delimiter, it is guessed from the header.

    Raises:
        RowsError: there is no header, or a line is too long to be a row's.
    """

    def __init__(self, file: BinaryIO, options: ReadOptions) -> None:
        super().__init__(file, options)
        lines = self.lines()
        first_line = self._first_line(lines)
        check_is_text(first_line[:8].encode(self.encoding, self.errors))
        self.delimiter = options.delimiter or guess_delimiter(first_line)
        self._records = read_records(chain([first_line], lines), self.delimiter)
        header = self._header()
        self.names = header.cells
        self.header, line_end = split_end(header.text)
        self.line_end = line_end or "\n"

    def rows(self) -> Iterator[Row]:
        """Every row, once. Raises RowsError where a line is too long."""
        several_columns = len(self.names) > 1
        for record in self._records:
            is_blank = not record.cells and not record.fault
            if not (is_blank and several_columns):
                yield self._row(record)

    def writer(self, labels: Sequence[str]) -> "DelimitedWriter":
        """A writer that keeps each row as it was written; but another encoding than UTF-8 becomes UTF-8."""
        header = self.byte_order_mark + self.header
        return DelimitedWriter(self.names, labels, self.delimiter, header, self.line_end)

    def _first_line(self, lines: Iterator[str]) -> str:
        try:
            for line in lines:
                if line.strip("\r\n"):
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
            return _new_row([body, *[""] * (columns - 1)], record.fault, columns, self.delimiter, end)
        if len(cells) == columns:
            return Row(cells, "", body, end)
        if not cells:
            return Row([""], "", "", end)
        fault = f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'} where the header has {columns}"
        if len(cells) > columns:
            return _new_row(cells, fault, columns, self.delimiter, end)
        missing = columns - len(cells)
        return Row([*cells, *[""] * missing], fault, body + self.delimiter * missing, end)


class DelimitedWriter(Writer):
    """A CSV or TSV of rows as they were written: every byte of them is kept, and cells are added to each.

    Args:
        names: of the file's own columns.
        labels: of the model.
        delimiter: of the file.
        header: as it was written, without its line end.
        line_end: of the header.
    """

    def __init__(
        self, names: Sequence[str], labels: Sequence[str], delimiter: str, header: str, line_end: str = "\n"
    ) -> None:
        super().__init__(names, labels)
        self.delimiter = delimiter
        self._header = header + _added_text(self.added_names, delimiter) + line_end

    def header(self) -> bytes:
        """The header with the added names."""
        return self._header.encode()

    def page(self, rows: ScoredRows) -> bytes:
        """The rows with the added cells. Bytes that are no UTF-8 go out as they came."""
        lines = [f"{row.before}{self._added_cells(result)}{row.after}" for row, result in rows]
        return "".join(lines).encode("utf-8", "surrogateescape")

    def _added_cells(self, result: RowResult) -> str:
        return _added_text(added_values(result, self.labels), self.delimiter)


class NewDelimitedWriter(DelimitedWriter):
    """A CSV or TSV of another format's values; cells beyond the last column come after the added ones."""

    def __init__(self, columns: Columns, labels: Sequence[str], delimiter: str) -> None:
        names = names_of(columns)
        super().__init__(names, labels, delimiter, _joined(names, delimiter))

    def page(self, rows: ScoredRows) -> bytes:
        """A line for each row. Bytes that are no UTF-8 become U+FFFD."""
        columns = len(self.names)
        new_rows = [(_new_row(row.cells, "", columns, self.delimiter, "\n"), result) for row, result in rows]
        return super().page(new_rows).decode("utf-8", "replace").encode()


def _new_row(cells: list[Any], fault: str, columns: int, delimiter: str, end: str) -> Row:
    """A row that is written anew, parted after so many cells."""
    surplus = "".join([delimiter + _joined([cell], delimiter) for cell in cells[columns:]])
    return Row(cells, fault, _joined(cells[:columns], delimiter), surplus + end)


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


CSV = Format(".csv", "text/csv", DelimitedReader, partial(NewDelimitedWriter, delimiter=","))
TSV = Format(
    suffix=".tsv",
    media_type="text/tab-separated-values",
    open_reader=lambda file, options: DelimitedReader(file, options._replace(delimiter=options.delimiter or "\t")),
    new_writer=partial(NewDelimitedWriter, delimiter="\t"),
)
