"""Records of delimited text (RFC 4180), each with its lines as they were written."""

import csv
import sys
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from serving.tables.text import MAX_ROW_CHARS, split_end

NOT_CSV = "not CSV"  # begins the fault of a record whose quotes do not work out


class Record(NamedTuple):
    """One record of a CSV.

    Attributes:
        text: as written, with its line end.
        cells: none where it is no CSV, or blank.
        fault: why it is no CSV, or "".
    """

    text: str
    cells: list[str]
    fault: str = ""


def read_records(
    lines: Iterator[str], delimiter: str, *, skips_blanks: bool = False, has_quotes: bool = True, columns: int = 0
) -> Iterator[Record]:
    """The records of a CSV (RFC 4180).

    Where the quotes of a record do not work out, its first line is a record of its own with a fault, and reading goes
    on with the line after it: a quote that was opened by mistake takes one row with it and no more. So is a line that
    is too long, of which only the beginning is kept.

    Args:
        lines: with their ends.
        delimiter: one character.
        skips_blanks: whether blanks after a delimiter are no part of a cell.
        has_quotes: whether cells may be quoted; else a quote is a sign like others.
        columns: cells of a row, where known: of a TSV, lines that have as many are rows, whatever quotes join them.
    """
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # for the process; its default is an error at 128 KiB
    feed = _LineFeed(lines)
    rows = csv.reader(
        feed,
        delimiter=delimiter,
        strict=True,
        skipinitialspace=skips_blanks,
        quoting=csv.QUOTE_MINIMAL if has_quotes else csv.QUOTE_NONE,
    )
    while True:
        feed.begin_record()
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Record(feed.keep_first_line(), [], f"{NOT_CSV}: {_cause(error)}")
        except _RecordTooLongError:
            line = feed.keep_first_line()
            yield Record(line, [], too_long(line) or f"{NOT_CSV}: a quote is not closed")
        else:
            if delimiter == "\t" and _are_rows(feed.record, columns):
                yield Record(feed.keep_first_line(), [], f"{NOT_CSV}: a quote is not closed")
            else:
                yield Record("".join(feed.record), cells)


def read_plain_lines(lines: Iterator[str]) -> Iterator[Record]:
    """A record of one cell for each line: what is quoted as a whole without its quotes, and others as they are."""
    for line in lines:
        body, _ = split_end(line)
        fault = too_long(line)
        yield Record(line, [] if fault else [_only_cell(body)], fault)


def too_long(line: str) -> str:
    """The fault of a line that has more characters than a row may have, or ""."""
    if len(line) <= MAX_ROW_CHARS:
        return ""
    return f"the line has more than {MAX_ROW_CHARS:,} characters, of which only the first are kept"


def _cause(error: csv.Error) -> str:
    """What is wrong with quotes, in words that do not come from the csv module."""
    if "expected after" in str(error):
        return "a quote inside of quotes is not written twice, or quotes begin in the middle of a cell"
    return "a quote is not closed" if "end of data" in str(error) else str(error)


def _are_rows(lines: list[str], columns: int) -> bool:
    return len(lines) > 1 and columns > 1 and all(line.count("\t") == columns - 1 for line in lines)


def _only_cell(line: str) -> str:
    try:
        cells = next(csv.reader([line], strict=True), [""])
    except csv.Error:
        return line
    return cells[0] if len(cells) == 1 else line


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
