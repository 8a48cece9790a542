"""Plain text and tables as GitHub's Markdown."""

import re
from collections.abc import Sequence
from typing import Any

from training.report.table import Table

# An underscore inside a word is no sign of emphasis there, and file names are full of them.
_SIGNS = re.compile(r"[\\`*\[\]<>|#~$&]|(?<![^\W_])_|_(?![^\W_])")


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def escaped(value: Any) -> Markdown:
    """A value as it is to be read, on one line; Markdown stays as it is."""
    if isinstance(value, Markdown):
        return value
    return Markdown(_SIGNS.sub(r"\\\g<0>", " ".join(str(value).split())))


def as_markdown(table: Table) -> Markdown:
    """A pipe table; the row that stands out is bold."""
    sides = ["---" if i < table.words else "---:" for i in range(len(table.headings))]
    rows = [_row(row, strong=i == table.marked) for i, row in enumerate(table.rows)]
    return Markdown("\n".join([_row(table.headings), f"|{'|'.join(sides)}|", *rows]))


def fenced(code: str) -> Markdown:
    """A code block, whatever is in it."""
    fence = "`" * max(3, *(len(ticks) + 1 for ticks in ("", *re.findall("`+", code))))
    return Markdown(f"{fence}\n{code.strip()}\n{fence}")


def _row(cells: Sequence[str], *, strong: bool = False) -> str:
    shown = [f"**{escaped(cell)}**" if strong else escaped(cell) for cell in cells]
    return f"| {' | '.join(shown)} |"
