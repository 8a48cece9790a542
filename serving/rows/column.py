"""Which column holds the texts."""

from collections.abc import Sequence
from statistics import mean
from typing import Any

from serving.errors import RowsError

NAMES = ("text", "tweet", "content", "message", "comment", "review", "body", "sentence", "post", "description")
"""What columns of texts are called, the likelier ones first."""

_MUCH_LONGER = 2.0
_LISTED = 20


def named_column(name: str, names: Sequence[str], how: str) -> int:
    """The place of the column of that name; `how` says how to name another. Raises RowsError unless there is one."""
    if names.count(name) != 1:
        found = "no column" if name not in names else f"{names.count(name)} columns"
        raise RowsError(f"{found} {name!r}; found: {listed(names)}; {how}", code="text_column_unknown")
    return names.index(name)


def guess_column(names: Sequence[str], rows: Sequence[Sequence[Any]], preferred: str) -> int:
    """The place of the column that holds texts.

    In this order: the only one; the one named as the model's own (`preferred`); one of a usual name, such as "tweet";
    the one whose cells in these rows are on average twice as long as any other's, and of several words.
    Raises RowsError that lists the columns where none stands out.
    """
    if len(names) == 1:
        return 0
    plain = [name.strip().lower() for name in names]
    for name in (preferred.lower(), *NAMES):
        if plain.count(name) == 1:
            return plain.index(name)
    lengths = [_mean_length(row[place] for row in rows) for place in range(len(names))]
    longest, second = sorted(range(len(names)), key=lengths.__getitem__, reverse=True)[:2]
    wordy = any(" " in str(row[longest]).strip() for row in rows)
    if wordy and lengths[longest] >= _MUCH_LONGER * lengths[second]:
        return longest
    way = "name one as text_column" if len(set(names)) == len(names) else "give each column a name of its own"
    raise RowsError(
        f"it is not clear which column holds the texts; found: {listed(names)}; {way}",
        code="text_column_unclear",
    )


def listed(names: Sequence[str]) -> str:
    """Names in quotes, the first of them where there are many."""
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(repr(name[:60]) for name in names[:_LISTED]) + more


def _mean_length(cells: Any) -> float:
    return mean([len(cell) if isinstance(cell, str) else 0 for cell in cells] or [0])
