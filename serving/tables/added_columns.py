"""Added columns: what a prediction adds to a row, the same in every format."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from serving.model.types import Prediction, rounded

# Name and Arrow type (or its alias) of each column. Not a dict: names may be empty, or the same.
Columns = list[tuple[str, Any]]

PREFIX = "predicted_"


class RowResult(NamedTuple):
    """What is added to one row: a prediction, or the reason why there is none, or what else is wrong with the row."""

    prediction: Prediction | None
    error: str = ""


def added_columns(labels: Sequence[str], own_names: Collection[str]) -> Columns:
    """Name and Arrow type of each; all begin with `predicted_`, or more of it, where the file has one of the names."""
    added: Columns = [
        ("label", "string"),
        *[(name, "double") for name in ("probability", *(f"p_{label}" for label in labels))],
        ("truncated", "bool"),
        ("in_vocabulary", "double"),
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
        return [None] * (4 + len(labels)) + [result.error or None]
    probabilities = [rounded(p) for p in (prediction.probability, *prediction.probabilities.values())]
    vocabulary = rounded(prediction.in_vocabulary)
    return [prediction.label, *probabilities, prediction.truncated, vocabulary, result.error or None]


def with_surplus(result: RowResult, surplus: Sequence[Any]) -> RowResult:
    """The result whose error also tells the cells beyond the last column, for a format that has no place for them."""
    beyond = f"beyond the last: {', '.join(map(repr, surplus))}" if surplus else ""
    return result._replace(error="; ".join(filter(None, (result.error, beyond))))
