"""The columns that predictions add to a row, the same in every format."""

from collections.abc import Collection, Sequence
from typing import Any

from serving.tables.base import Columns, Row, RowResult

PREFIX = "predicted_"


def added_columns(labels: Sequence[str], own_names: Collection[str]) -> Columns:
    """Name and Arrow type of each; all begin with `predicted_`, or more of it, where the file has one of the names."""
    added: Columns = [
        ("label", "string"),
        ("probability", "double"),
        *((f"p_{label}", "double") for label in labels),
        ("error", "string"),
    ]
    prefix = ""
    while any(prefix + name in own_names for name, _ in added):
        prefix += PREFIX
    return [(prefix + name, kind) for name, kind in added]


def added_values(result: RowResult, labels: Sequence[str]) -> list[Any]:
    """The values of `added_columns` in one row, None where there is nothing to say."""
    prediction = result.prediction
    if prediction is None:
        return [None] * (2 + len(labels)) + [result.error]
    return [prediction.label, prediction.probability, *prediction.probabilities.values(), None]


def row_values(row: Row, result: RowResult, columns: int, labels: Sequence[str]) -> list[Any]:
    """A row's own values and the added ones, for a format that has no place for cells beyond the last column.

    The error tells these.
    """
    surplus = row.cells[columns:]
    if surplus:
        result = result._replace(error=f"{result.error}; beyond the last: {', '.join(map(repr, surplus))}")
    return row.cells[:columns] + added_values(result, labels)
