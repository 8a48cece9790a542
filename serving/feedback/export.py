"""Corrections as CSV, in the columns that training reads."""

import csv
import io
from collections.abc import Iterable

from serving.feedback.corrections import StoredCorrection

COLUMNS = ("text", "label", "predicted", "model_version", "note", "created", "id")
"""Training reads the right label from `label`, which the API calls `correct`; its `label` is `predicted` here."""


def to_csv(corrections: Iterable[StoredCorrection], *, header: bool = True) -> str:
    """Corrections as lines of CSV (RFC 4180), which `python -m training fit --data` reads without options.

    Args:
        corrections: in the order of the lines.
        header: whether the columns' names come first, as in the first of several pages.
    """
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    if header:
        writer.writerow(COLUMNS)
    for each in corrections:
        created = each.created.isoformat()
        writer.writerow((each.text, each.correct, each.label, each.model_version, each.note, created, each.id))
    return lines.getvalue()
