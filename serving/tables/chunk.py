"""Chunk of rows: the texts in them that can be predicted, and the result of each row."""

import re
from collections.abc import Sequence

from serving.model.types import Prediction, is_blank
from serving.tables.added_columns import RowResult
from serving.tables.base import MAX_TEXT_CHARS, Reader, Row

NO_TEXT = "no text"
# What is said in the row of a text at which the predictor failed.
FAILED = "the prediction failed"

# What people write where there is no value: R, pandas, Excel, SQL and its dumps; a text that is the same they quote.
# None is not among them, for it is a label of public sets.
MISSING = ("NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", r"\N")

_SURROGATE = re.compile("[\ud800-\udfff]")


class TextExtractor:
    """Takes the text out of a row, or says why it has none that can be predicted.

    Args:
        reader: of the rows.
        column: index of the column of texts.
        max_chars: that a text may have.
    """

    def __init__(self, reader: Reader, column: int, max_chars: int = MAX_TEXT_CHARS) -> None:
        self._reader = reader
        self._column = column
        self._max_chars = max_chars

    def __call__(self, row: Row) -> tuple[str, str]:
        """The text and "", or "" and the fault."""
        if row.fault:
            return "", row.fault
        try:
            cell = self._reader.cell(row, self._column)
        except KeyError as error:
            return "", f"no key {error}"
        if isinstance(cell, dict | list):
            return "", "not a text"
        is_missing = cell is None or cell != cell  # as NaN alone does
        text = "" if is_missing else cell.decode("utf-8", "surrogateescape") if isinstance(cell, bytes) else str(cell)
        fault = missing_value(row, text) or self._fault(text)
        return ("", fault) if fault else (text, "")

    def _fault(self, text: str) -> str:
        if is_blank(text):
            return NO_TEXT
        if len(text) > self._max_chars:
            return f"{len(text):,} characters; at most {self._max_chars:,} are accepted"
        if text.isascii():
            return ""
        # How the reader of a text file keeps what it cannot decode; JSON can also hold a lone surrogate by itself.
        if surrogate := _SURROGATE.search(text):
            byte = ord(surrogate[0]) - 0xDC00
            return f"byte {byte:#04x} is not UTF-8" if 0x80 <= byte <= 0xFF else "a lone surrogate is not Unicode text"
        if self._reader.encoding != "utf-8" and "\ufffd" in text:
            return f"a byte is not {self._reader.encoding}"
        return ""


def missing_value(row: Row, text: str) -> str:
    """The fault of a text that stands for a missing value, as MISSING has them without quotes; or ""."""
    if text not in (*MISSING, "None") or not row.before or f'"{text}"' in row.before:
        return ""
    return f"{NO_TEXT}: {text} stands for a missing value; in quotes it is a text"


class Chunk:
    """Some rows.

    Attributes:
        rows: all of them.
        texts: those to be predicted, of the rows without a fault, in order.
        faults: of the others, in order.
    """

    def __init__(self, rows: Sequence[Row], extract_text: TextExtractor) -> None:
        extracted: list[tuple[str, str]] = [extract_text(row) for row in rows]
        self.rows = rows
        self.texts = [text for text, fault in extracted if not fault]
        self._row_faults = [fault for _, fault in extracted]
        self.faults = [fault for fault in self._row_faults if fault]

    def scored(self, predictions: Sequence[Prediction | None]) -> list[tuple[Row, RowResult]]:
        """Each row with its result.

        Args:
            predictions: of `texts`, None where one failed.
        """
        results = iter([RowResult(prediction, "" if prediction else FAILED) for prediction in predictions])
        return [
            (row, RowResult(None, fault) if fault else next(results))
            for row, fault in zip(self.rows, self._row_faults, strict=True)
        ]
