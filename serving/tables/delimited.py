"""CSV and TSV (RFC 4180): a reader that keeps each row as it was written, and the writers."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

from serving.errors import RowsError
from serving.tables.added_columns import AddedColumns, RowResult, with_surplus
from serving.tables.base import Format, Reader, ReadOptions, Row, ScoredRows, Writer
from serving.tables.columns import numbered
from serving.tables.dialect import Dialect, sniff_dialect
from serving.tables.kinds import check_is_table
from serving.tables.records import Record, read_plain_lines, read_records
from serving.tables.text import MAX_ROW_CHARS, OutputEncoding, TextFile, decodable, split_end

_PLAIN = 1e-4  # repr writes what is less as 9.4e-05, and it has six digits
_NEEDS_QUOTES = re.compile('[",;|\t\r\n]|^ | $')
# What a spreadsheet may run as a formula, full-width forms included (OWASP, "CSV Injection").
_FORMULA = re.compile("[=+\\-@\t\r\n＝＋－＠]")


def quoted(cell: str) -> str:
    """A cell of a CSV, in quotes where a delimiter, a quote, a line end or an outer space is in it."""
    return '"' + cell.replace('"', '""') + '"' if _NEEDS_QUOTES.search(cell) else cell


def escape_formula(cell: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would run it as a formula, which no number is."""
    return "'" + cell if _FORMULA.match(cell) and not _is_number(cell) else cell


class DelimitedReader(Reader):
    """Rows of a CSV or TSV, each with as many cells as the header has.

    A row with fewer cells is filled up with empty ones. What one with more has beyond the last is joined to that and
    quoted. Both have a fault. So has a line that is no CSV, which is kept as its row's first cell, and a row that is
    the header again, as where files were joined. In a file of one column a delimiter is a part of the text. A blank
    line is a row where there is one column, and none where there are more.

    Args:
        source: at its beginning; it is left open.
        options: what they do not say is found out.

    Raises:
        RowsError: it is of another kind, empty, or its header is broken.
    """

    def __init__(self, source: TextFile, options: ReadOptions) -> None:
        check_is_table(source.sample)
        self.dialect = sniff_dialect(source.sample, options)
        self.format = TSV if self.dialect.delimiter == "\t" else CSV
        self.encoding = source.encoding
        self.output_encoding = OutputEncoding(mark=source.marked or source.encoding not in ("utf-8", "ascii"))
        self.notes = [*source.notes, *self.dialect.notes]
        self.decimal_comma = self.dialect.decimal_comma
        self._source = source
        self._records = islice(_records(source, self.dialect, options), self.dialect.skipped, None)
        self._header_cells: list[str] = []
        names, self.header = self._header() if self.dialect.has_header else ([""] * self.dialect.columns, "")
        self.names = numbered(names)
        self.header = self.header or _joined(self.names, self.dialect.delimiter)
        self.line_end = _first_line_end(source.sample)

    @property
    def shown_names(self) -> Sequence[str]:
        """The names, or column_1 and so on where it is not certain that the first row has some."""
        return self.names if self.dialect.is_header_certain else numbered([""] * len(self.names))

    def rows(self) -> Iterator[Row]:
        """Every row, once."""
        several_columns = self.dialect.columns > 1
        for record in self._records:
            if record.cells or record.fault or not several_columns:
                yield self._row(record)

    def writer(self, added: AddedColumns, encoding: OutputEncoding) -> "DelimitedWriter":
        """A writer that keeps each row as it was written."""
        return DelimitedWriter(
            self,
            added,
            encoding,
            delimiter=self.dialect.delimiter,
            header=self.header,
            line_end=self.line_end,
            decimal_comma=self.decimal_comma,
        )

    def progress(self) -> float | None:
        """The share of the file that has been read."""
        return self._source.progress()

    def _header(self) -> tuple[list[str], str]:
        """The names, one for each cell of the rows, and the line."""
        record = next(self._records)
        if record.fault:
            raise RowsError(f"the header is {record.fault}", code="header_broken")
        try:
            record.text.encode()
        except UnicodeEncodeError:
            raise RowsError(
                f"the header is not {self.encoding}; declare the file's encoding", code="not_utf8"
            ) from None
        self._header_cells = record.cells
        delimiter, names = self.dialect.delimiter, [name.strip() for name in record.cells]
        line = _one_cell(record) if self.dialect.columns == 1 else split_end(record.text)[0]
        if self.dialect.missing_name == "first":
            return ["", *names], delimiter + line
        if self.dialect.missing_name == "last":
            return [*names, ""], line + delimiter
        return names, line

    def _row(self, record: Record) -> Row:
        cells, columns, delimiter = record.cells, self.dialect.columns, self.dialect.delimiter
        body, end = split_end(record.text)
        end = end or self.line_end
        if record.fault:
            cells = [body[:MAX_ROW_CHARS], *[""] * (columns - 1)]
            return Row(cells, record.fault, _joined(cells, delimiter), end)
        if columns == 1:
            return Row([cells[0] if len(cells) == 1 else body], "", _one_cell(record), end)
        if len(cells) == columns:
            return Row(cells, "the header again" if cells == self._header_cells else "", body, end)
        expected = f"the header has {columns}" if self.dialect.has_header else f"other rows have {columns}"
        fault = f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'} where {expected}"
        if len(cells) < columns:
            missing = columns - len(cells)
            return Row([*cells, *[""] * missing], fault, body + delimiter * missing, end)
        cells = [*cells[: columns - 1], delimiter.join(cells[columns - 1 :])]
        return Row(cells, f"{fault}; what is beyond is joined to the last", _joined(cells, delimiter), end)


class DelimitedWriter(Writer):
    """A CSV or TSV of rows as they were written: every byte of them is kept, and cells are added to each.

    Args:
        reader: of the rows.
        added: the columns that are added.
        encoding: of the file.
        delimiter: of the file.
        header: without its line end.
        line_end: of the header.
        decimal_comma: whether numbers are written as 0,5.
    """

    def __init__(
        self,
        reader: Reader,
        added: AddedColumns,
        encoding: OutputEncoding,
        *,
        delimiter: str,
        header: str,
        line_end: str = "\n",
        decimal_comma: bool = False,
    ) -> None:
        super().__init__(reader, added, encoding)
        self.delimiter = delimiter
        self._decimal_comma = decimal_comma
        self._header = header + self._added_text(self.added_names) + line_end

    def header(self) -> bytes:
        """The header with the added names."""
        return super().header() + self.encoding.encode(self._header)

    def page(self, rows: ScoredRows) -> bytes:
        """The rows with the added cells."""
        lines = [f"{row.before}{self._added_cells(result)}{row.after}" for row, result in rows]
        return self.encoding.encode("".join(lines))

    def _added_cells(self, result: RowResult) -> str:
        return self._added_text(self.added.values(result))

    def _added_text(self, values: Sequence[Any]) -> str:
        """Added cells, safe for a spreadsheet, with a delimiter before each."""
        cells = [_added_cell(value) for value in values]
        if self._decimal_comma:
            pairs = zip(values, cells, strict=True)
            cells = [cell.replace(".", ",") if isinstance(value, float) else cell for value, cell in pairs]
        return self.delimiter + self.delimiter.join(cells)


class NewDelimitedWriter(DelimitedWriter):
    """A CSV or TSV of another format's values. What a row has beyond the columns is told in its error."""

    def __init__(self, reader: Reader, added: AddedColumns, encoding: OutputEncoding, *, delimiter: str) -> None:
        super().__init__(reader, added, encoding, delimiter=delimiter, header=_joined(reader.names, delimiter))

    def page(self, rows: ScoredRows) -> bytes:
        """A line for each row."""
        return super().page([self._new_row(row, result) for row, result in rows])

    def _new_row(self, row: Row, result: RowResult) -> tuple[Row, RowResult]:
        cells, columns = self.reader.cells(row), len(self.names)
        line = _joined(map(cell_text, cells[:columns]), self.delimiter)
        return Row(cells, row.fault, line, "\n"), with_surplus(result, cells[columns:])


def _records(source: TextFile, dialect: Dialect, options: ReadOptions) -> Iterator[Record]:
    if dialect.is_plain:
        return read_plain_lines(source.lines())
    return read_records(
        source.lines(),
        dialect.delimiter,
        skips_blanks=dialect.skips_blanks,
        has_quotes=dialect.has_quotes and options.has_quotes,
        columns=0 if source.sample.lstrip().startswith('"') else dialect.columns,
    )


def _one_cell(record: Record) -> str:
    """A record of a file of one column as one cell of a CSV, as it was written where it is one."""
    body, _ = split_end(record.text)
    is_quoted = record.cells[:1] != [body] and len(record.cells) == 1
    return body if is_quoted or not _NEEDS_QUOTES.search(body) else quoted(body)


def _joined(cells: Iterable[str], delimiter: str) -> str:
    """A file's own cells, which are none of ours to make safe."""
    return delimiter.join(map(quoted, cells))


def _added_cell(value: str | float | bool | None) -> str:
    if isinstance(value, float):  # first, for most are
        return repr(value) if value >= _PLAIN or not value else f"{value:.6f}"
    if value is None:
        return ""
    return quoted(escape_formula(value)) if isinstance(value, str) else cell_text(value)


def cell_text(value: Any) -> str:
    """A value of any format; true, false and what has parts as JSON writes them."""
    if isinstance(value, str | bytes):
        return decodable(value)
    if value is None or value != value:  # as NaN alone does
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _first_line_end(sample: str) -> str:
    line_end = re.search(r"\r\n|\r|\n", sample)
    return line_end[0] if line_end else "\n"


def _open_tsv(source: TextFile, options: ReadOptions) -> DelimitedReader:
    """The reader of a file that its name says is a TSV, which one without a tab is only if it has one column."""
    has_tabs = "\t" in source.sample or sniff_dialect(source.sample, options).columns == 1
    return DelimitedReader(source, options._replace(delimiter=options.delimiter or ("\t" if has_tabs else "")))


def _is_delimited(sample: str) -> bool:  # noqa: ARG001
    return True  # what no other format recognizes; the reader says what else it is


CSV = Format(
    suffixes=(".csv", ".txt"),
    media_type="text/csv",
    new_writer=partial(NewDelimitedWriter, delimiter=","),
    open_text=DelimitedReader,
    recognizes=_is_delimited,
)
TSV = Format(
    suffixes=(".tsv",),
    media_type="text/tab-separated-values",
    new_writer=partial(NewDelimitedWriter, delimiter="\t"),
    open_text=_open_tsv,
)
