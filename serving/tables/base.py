"""What readers give and writers take."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

CHUNK = 2048
"""Rows that are read, predicted and written at once: enough for batches of like length."""

CHUNK_CHARS = 4 * 1024 * 1024
"""Characters of rows that are read at once, but for the last row's: rows may be long, and files of them many."""

MAX_TEXT_CHARS = 10_000
"""Characters that a text may have, unless said otherwise."""

Columns = list[tuple[str, Any]]
"""Name and type as Arrow names it. Not a dict: names may be empty, or the same."""


class Row(NamedTuple):
    """One row.

    `cells`: a value a column; more of them where the file has more. `fault`: why it cannot be predicted, or "".
    `before`, `after`: where its file is a text, the row as it was written, parted where cells can be added.
    """

    cells: list[Any]
    fault: str = ""
    before: str = ""
    after: str = ""


class Reader(Protocol):
    """A file's columns in order, and its rows in chunks of at most CHUNK."""

    @property
    def columns(self) -> Columns: ...

    def chunks(self) -> Iterator[list[Row]]: ...

    def done(self) -> float | None:
        """The part of the file that has been read, 0 to 1; None where its size is not known."""
