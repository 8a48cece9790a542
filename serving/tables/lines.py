"""Lines of a text file, with their ends as written."""

from collections.abc import Iterator
from functools import partial
from typing import TextIO

from serving.errors import RowsError
from serving.tables.base import MAX_ROW_CHARS


def read_lines(text: TextIO) -> Iterator[str]:
    """Each line with its end. Raises RowsError where one is too long to be a row."""
    for number, line in enumerate(iter(partial(text.readline, MAX_ROW_CHARS + 1), ""), start=1):
        if len(line) > MAX_ROW_CHARS:
            raise RowsError(
                f"line {number:,} has more than {MAX_ROW_CHARS:,} characters, the most that is accepted",
                code="line_too_long",
            )
        yield line


def split_end(line: str) -> tuple[str, str]:
    """A line, or a record of several, and its line end, which may be missing."""
    body = line.rstrip("\r\n")
    return body, line[len(body) :]


def replace_undecoded(text: str) -> str:
    """The text with what could not be decoded, held as lone surrogates (PEP 383), replaced by U+FFFD."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
