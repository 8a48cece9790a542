"""The records of a CSV, each with its lines as they were written."""

import csv
import sys
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from serving.errors import RowsError

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
