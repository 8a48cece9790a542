"""A table before it is HTML or Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as plain text, one row as long as `headings`.

    The first `words` columns hold words, the others figures, which are set to the right. `marked` is the place of the
    row that stands out.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1
    marked: int | None = None


def share(value: float) -> str:
    """A share of 1 with three digits."""
    return f"{value:.3f}"


def count(value: int) -> str:
    """A number of rows with thousands set apart."""
    return f"{value:,}"
