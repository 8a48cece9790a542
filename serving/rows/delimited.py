"""Rows of a CSV or TSV, each kept as it was written."""

import io
from collections.abc import Iterator
from typing import BinaryIO

from serving.errors import RowsError
from serving.rows.cells import cut, quoted, without_end
from serving.rows.dialect import check_is_text, guess_delimiter
from serving.rows.records import MAX_RECORD, Record, Records
from serving.rows.table import CHUNK, CHUNK_CHARS, Columns, Row

MARK = "\ufeff"


class DelimitedReader:
    """Rows of a CSV (RFC 4180) or TSV.

    A row with fewer cells than the header is filled up with empty ones and one with more keeps them; both have a
    fault, and so has a line that is no CSV, which is kept whole as its row's first cell. A blank line is a row where
    there is one column, and none where there are more. What is not in `encoding` is kept: bytes of a UTF-8 file as
    lone surrogates (PEP 383), which `surrogateescape` writes as the same bytes again; in another encoding as U+FFFD.

    Args:
        file: read from where it stands; it is left open.
        encoding: a name from `check_encoding`.
        delimiter: "" to guess it from the header.
        size: bytes of the file, where known.

    Raises RowsError where there is no header, or a line is too long to be a row's.
    """

    def __init__(self, file: BinaryIO, encoding: str = "utf-8", delimiter: str = "", size: int | None = None) -> None:
        self._file, self._size, self.encoding = file, size, encoding
        errors = "surrogateescape" if encoding == "utf-8" else "replace"
        self._text = io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="")
        first = self._first_line()
        check_is_text(first[:8].encode(encoding, errors))
        self.mark = MARK if first.startswith(MARK) else ""
        lines = _Lines(first.removeprefix(MARK), self._text)
        self.delimiter = delimiter or guess_delimiter(first.removeprefix(MARK))
        self._records = iter(Records(lines.readline, self.delimiter))
        self.header, self.end, names = self._read_header()
        self.columns: Columns = [(name, "string") for name in names]

    def chunks(self) -> Iterator[list[Row]]:
        """Lists of rows."""
        chunk: list[Row] = []
        size = 0
        for record in self._records:
            # A blank line of a CSV with several columns is no row.
            if not record.cells and not record.fault and len(self.columns) > 1:
                continue
            chunk.append(self._row(record))
            size += len(record.text)
            if len(chunk) == CHUNK or size >= CHUNK_CHARS:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    def done(self) -> float | None:
        """The part of the file that has been read."""
        return self._file.tell() / self._size if self._size else None

    def _first_line(self) -> str:
        try:
            for line in iter(lambda: self._text.readline(MAX_RECORD + 1), ""):
                if line.strip("\r\n" + MARK):
                    return line
        except UnicodeError as error:  # without the byte-order mark that an encoding needs
            raise RowsError(f"it is not {self.encoding}: {error}") from None
        raise RowsError("it is empty; accepted: a header and rows")

    def _read_header(self) -> tuple[str, str, list[str]]:
        record = next(self._records)
        if record.fault:
            raise RowsError(f"the header is {record.fault}")
        try:
            record.text.encode()
        except UnicodeEncodeError:
            raise RowsError(f"the header is not {self.encoding}; declare the file's encoding") from None
        body, end = without_end(record.text)
        return body, end or "\n", record.cells

    def _row(self, record: Record) -> Row:
        cells, columns = record.cells, len(self.columns)
        body, end = without_end(record.text)
        end = end or self.end
        if record.fault:
            padding = [""] * (columns - 1)
            return Row([body, *padding], record.fault, self.delimiter.join([quoted(body), *padding]), end)
        if len(cells) == columns:
            return Row(cells, "", body, end)
        if not cells:
            return Row([""], "", "", end)
        fault = f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'} where the header has {columns}"
        if len(cells) < columns:
            missing = columns - len(cells)
            return Row([*cells, *[""] * missing], fault, body + self.delimiter * missing, end)
        before, surplus = cut(body, columns, self.delimiter)
        return Row(cells, fault, before, surplus + end)


class _Lines:
    """A text's lines, with the first of them given back."""

    def __init__(self, first: str, text: io.TextIOWrapper) -> None:
        self._text = text
        self._first = iter([first])

    def readline(self, size: int) -> str:
        return next(self._first, "") or self._text.readline(size)
