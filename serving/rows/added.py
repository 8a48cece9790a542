"""The columns that are added to a file: `label`, `probability`, a `p_<label>` each, and `error`."""

import json
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from serving.predictor import Prediction
from serving.rows.cells import harmless, quoted
from serving.rows.table import Columns

NOTHING_TO_READ = "no text"
PREFIX = "predicted_"


class Answer(NamedTuple):
    """What is added to one row: a prediction, or why there is none."""

    prediction: Prediction | None
    error: str = ""

    def values(self, labels: Sequence[str]) -> list[Any]:
        """The cells as values, None where there is nothing to say."""
        if self.prediction is None:
            return [None] * (2 + len(labels)) + [self.error]
        found = self.prediction
        return [found.label, found.probability, *found.probabilities.values(), None]


def added_columns(labels: Sequence[str], taken: Collection[str]) -> Columns:
    """Name and type of each; all begin with `predicted_`, or more of it, where one of the names is taken."""
    floats = [(name, "double") for name in ("probability", *(f"p_{label}" for label in labels))]
    added: Columns = [("label", "string"), *floats, ("error", "string")]
    prefix = ""
    while any(prefix + name in taken for name, _ in added):
        prefix += PREFIX
    return [(prefix + name, kind) for name, kind in added]


class AddedCells:
    """The added columns as text of a CSV, safe for a spreadsheet."""

    def __init__(self, labels: Sequence[str], names: Sequence[str], delimiter: str) -> None:
        self._delimiter = delimiter
        self._labels = {label: _cell(label) for label in labels}
        self._empty = delimiter * (len(labels) + 3)
        self.header = "".join(delimiter + _cell(name) for name in names)

    def cells(self, answer: Answer) -> str:
        """The cells of one row, a delimiter before each."""
        found = answer.prediction
        if found is None:
            return self._empty + _cell(answer.error)
        cells = [self._labels[found.label], repr(found.probability), *map(repr, found.probabilities.values()), ""]
        return self._delimiter + self._delimiter.join(cells)


class AddedKeys:
    """The added columns as text within a JSON object."""

    def __init__(self, labels: Sequence[str], names: Sequence[str]) -> None:
        self._labels, self._names = labels, names

    def keys(self, answer: Answer, taken: dict[str, Any]) -> str:
        """The keys and values for an object that has the keys `taken`, without braces; a comma first where needed."""
        names = self._names
        if not taken.keys().isdisjoint(names):
            names = [name for name, _ in added_columns(self._labels, taken)]
        added = dict(zip(names, answer.values(self._labels), strict=True))
        return (", " if taken else "") + json.dumps(added, ensure_ascii=False)[1:-1]


def _cell(text: str) -> str:
    return quoted(harmless(text))
