"""Corrections as CSV, in the columns that training reads."""

from collections.abc import Iterable

from serving.feedback.corrections import StoredCorrection


def to_csv(corrections: Iterable[StoredCorrection], *, header: bool = True) -> str:
    """Corrections as lines of CSV (RFC 4180), which `python -m training fit --data` reads without options.

    Args:
        corrections: in the order of the lines.
        header: whether the columns' names come first, as in the first of several pages.
    """
    raise NotImplementedError
