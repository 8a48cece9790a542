"""Chunk of rows: what a model reads of each, and its result; and the protocol of what takes that out of a row."""

from collections.abc import Sequence
from typing import Any, Protocol

from serving.model.types import Prediction
from serving.tables.added_columns import AddedColumns, RowResult
from serving.tables.base import Reader, Row

# What is said in a row at which the predictor failed.
FAILED = "the prediction failed"

# What people write where there is no value: R, pandas, Excel, SQL and its dumps; a text that is the same they quote.
# None is not among them, for it is a label of public sets.
MISSING = ("NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", r"\N")


class RowExtractor(Protocol):
    """Takes what a model reads out of the rows of one table.

    Attributes:
        text_name: of the column of texts; "" where the model reads fields.
        shown: the columns that are read, in words.
    """

    @property
    def text_name(self) -> str:
        """See the class."""

    @property
    def shown(self) -> str:
        """See the class."""

    def __call__(self, row: Row) -> tuple[Any, str]:
        """What a predictor takes, and ""; or anything, and the fault of a row that cannot be predicted."""


class TableInput(Protocol):
    """What a model reads of tables, and what it adds to them.

    Attributes:
        names: of columns that every table has, as `loose_name` gives them.
        added: the columns that are added.
    """

    @property
    def names(self) -> frozenset[str]:
        """See the class."""

    @property
    def added(self) -> AddedColumns:
        """See the class."""

    def find(self, reader: Reader, rows: Sequence[Row], column_name: str, max_chars: int) -> RowExtractor:
        """Find the columns of one table.

        Args:
            reader: of the table.
            rows: the first ones, without those that have a fault.
            column_name: of the texts; "" to find it, as it must be where there are none.
            max_chars: that a text may have.

        Raises:
            RowsError: there are none, or it is not clear which.
        """


class Chunk:
    """Some rows.

    Attributes:
        rows: all of them.
        inputs: what the predictor takes, of the rows without a fault, in order.
        faults: of the others, in order.
    """

    def __init__(self, rows: Sequence[Row], extract: RowExtractor) -> None:
        extracted = [extract(row) for row in rows]
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
