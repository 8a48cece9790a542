"""Base of the readers of text files: lines with their ends as written."""

import io
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from serving.errors import RowsError
from serving.tables.base import MAX_ROW_CHARS, Reader, ReadOptions

BYTE_ORDER_MARK = "\ufeff"


class TextReader(Reader):
    """A reader of lines, with their ends as written. The file's byte-order mark is kept apart.

    What is not in the encoding is kept: bytes of a UTF-8 file as lone surrogates (PEP 383), which `surrogateescape`
    writes as the same bytes again; in another encoding as U+FFFD.

    Args:
        file: read from where it stands; it is left open.
        options: the encoding, and the size where known.
    """

    byte_order_mark = ""

    def __init__(self, file: BinaryIO, options: ReadOptions) -> None:
        self.encoding = options.encoding
        self._file = file
        self._size = options.size
        self.errors = "surrogateescape" if self.encoding == "utf-8" else "replace"
        self._text = io.TextIOWrapper(file, encoding=self.encoding, errors=self.errors, newline="")

    def lines(self) -> Iterator[str]:
        """Each line with its end. Raises RowsError where one is too long to be a row."""
        for number, line in enumerate(iter(partial(self._text.readline, MAX_ROW_CHARS + 1), ""), start=1):
            if len(line) > MAX_ROW_CHARS:
                raise RowsError(
                    f"line {number:,} has more than {MAX_ROW_CHARS:,} characters, the most that is accepted",
                    code="line_too_long",
                )
            if number == 1 and line.startswith(BYTE_ORDER_MARK):
                self.byte_order_mark, line = BYTE_ORDER_MARK, line.removeprefix(BYTE_ORDER_MARK)
            yield line

    def progress(self) -> float | None:
        """The share of the file that has been read."""
        return self._file.tell() / self._size if self._size else None


def split_end(line: str) -> tuple[str, str]:
    """A line, or a record of several, and its line end, which may be missing."""
    body = line.rstrip("\r\n")
    return body, line[len(body) :]
