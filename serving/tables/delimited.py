"""Rows of a CSV or TSV, each kept as it was written."""

import csv
import io
import sys
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO, NamedTuple

from serving.errors import RowsError
from serving.tables.base import CHUNK, CHUNK_CHARS, Columns, Row
from serving.tables.escaping import cut, quoted, without_end
from serving.tables.sniffing import check_is_text, guess_delimiter

MAX_RECORD = 1024 * 1024
"""Characters that one record may have, so that a quote that is never closed cannot take the rest of a file."""


class Record(NamedTuple):
    """One record: its text with its line end, and its cells. Where it is no CSV, `fault` says why and has no cells."""

    text: str
    cells: list[str]
    fault: str = ""


class _TooLongError(Exception):
    """A record goes on for more than MAX_RECORD characters."""


class Records:
    """Iterates over the records of a CSV (RFC 4180).

    Where the quotes of a record do not work out, its first line is a record of its own with a fault, and reading goes
    on with the line after it: a quote that was opened by mistake takes one row with it and no more.

    Args:
        readline: gives the next line, of so many characters at most, with its line end as written; "" at the end.
        delimiter: one character.
    """

    def __init__(self, readline: Callable[[int], str], delimiter: str) -> None:
        self._lines = iter(partial(readline, MAX_RECORD + 1), "")
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self._length = 0
        self._number = 0
        csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # for the process; its default is an error at 128 KiB
        self._rows = csv.reader(_Feed(self._take), delimiter=delimiter, strict=True)

    def __iter__(self) -> Iterator[Record]:
        while (record := self._next()) is not None:
            yield record

    def _next(self) -> Record | None:
        self._taken.clear()
        self._length = 0
        try:
            cells = next(self._rows)
        except StopIteration:
            return None
        except csv.Error as error:
            return self._first_line(str(error))
        except _TooLongError:
            return self._first_line("a quote is not closed")
        return Record(self._taken[0] if len(self._taken) == 1 else "".join(self._taken), cells)

    def _first_line(self, fault: str) -> Record:
        self._again.extendleft(reversed(self._taken[1:]))
        return Record(self._taken[0], [], f"not CSV: {fault}")

    def _take(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        self._taken.append(line)
        self._length += len(line)
        if self._length > MAX_RECORD:
            raise _TooLongError
        return line

    def _read(self) -> str:
        line = next(self._lines)
        self._number += 1
        if len(line) > MAX_RECORD:
            raise RowsError(f"line {self._number:,} has more than {MAX_RECORD:,} characters, the most that is accepted")
        return line


class _Feed:
    """What csv.reader takes its lines from: unlike a generator, it can go on after it has raised."""

    def __init__(self, take: Callable[[], str]) -> None:
        self._take = take

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        return self._take()


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
