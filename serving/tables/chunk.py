"""Chunk of rows: what a model reads of each, and its result."""

from collections.abc import Callable, Sequence
from typing import Any

from serving.model.types import Prediction
from serving.tables.added_columns import RowResult
from serving.tables.base import Row

# What is said in a row at which the predictor failed.
FAILED = "the prediction failed"

# What people write where there is no value: R, pandas, Excel, SQL and its dumps; a text that is the same they quote.
# None is not among them, for it is a label of public sets.
MISSING = ("NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", r"\N")


class Chunk:
    """Some rows.

    Attributes:
        rows: all of them.
        inputs: what the predictor takes, of the rows without a fault, in order.
        faults: of the others, in order.

    Args:
        rows: all of them.
        extract: gives what the predictor takes of a row that was read without a fault, and ""; or anything, and the
            fault of one that cannot be predicted.
    """

    def __init__(self, rows: Sequence[Row], extract: Callable[[Row], tuple[Any, str]]) -> None:
        extracted = [("", row.fault) if row.fault else extract(row) for row in rows]
        self.rows = rows
        self.inputs = [row_input for row_input, fault in extracted if not fault]
        self._row_faults = [fault for _, fault in extracted]
        self.faults = [fault for fault in self._row_faults if fault]

    def scored(self, predictions: Sequence[Prediction | None]) -> list[tuple[Row, RowResult]]:
        """Each row with its result.

        Args:
            predictions: of `inputs`, None where one failed.
        """
        results = iter([RowResult(prediction, "" if prediction else FAILED) for prediction in predictions])
        return [
            (row, RowResult(None, fault) if fault else next(results))
            for row, fault in zip(self.rows, self._row_faults, strict=True)
        ]
