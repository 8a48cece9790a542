"""Texts of a table: the column that holds them, and each row's text, or why it has none that can be predicted."""

import re
from collections.abc import Sequence

from serving.model.types import is_blank, rounded
from serving.tables.added_columns import AddedColumns, Fact
from serving.tables.base import MAX_TEXT_CHARS, Reader, Row
from serving.tables.chunk import MISSING
from serving.tables.columns import named_column, text_column

NO_TEXT = "no text"

# What is told of a text beside its probabilities.
TEXT_FACTS = (
    Fact("truncated", "bool", lambda prediction: prediction.truncated),
    Fact("in_vocabulary", "double", lambda prediction: rounded(prediction.in_vocabulary)),
)

_SURROGATE = re.compile("[\ud800-\udfff]")


class TextColumn:
    """The column of texts, as the input of a model.

    Args:
        labels: of the model.
        preferred: the model's own name for texts.

    Attributes:
        names: of columns that every table has, as `loose_name` gives them.
        added: the columns that are added.
    """

    names = frozenset[str]()

    def __init__(self, labels: Sequence[str], preferred: str) -> None:
        self.added = AddedColumns(labels, TEXT_FACTS)
        self._preferred = preferred

    def find(self, reader: Reader, rows: Sequence[Row], column_name: str, max_chars: int) -> "TextExtractor":
        """Find the columns of one table.

        Args:
            reader: of the table.
            rows: the first ones, without those that have a fault.
            column_name: of the texts; "" to find it, as it must be where there are none.
            max_chars: that a text may have.

        Raises:
            RowsError: there are none, or it is not clear which.
        """
        if column_name:
            return TextExtractor(reader, named_column(column_name, reader.names, reader.shown_names), max_chars)
        cells = [reader.cells(row) for row in rows]
        column = text_column(reader.names, cells, self._preferred, reader.shown_names)
        return TextExtractor(reader, column, max_chars)


class TextExtractor:
    """Takes the text out of a row, or says why it has none that can be predicted.

    Args:
        reader: of the rows.
        column: index of the column of texts.
        max_chars: that a text may have.

    Attributes:
        text_name: of the column of texts; "" where the model reads fields.
        shown: the columns that are read, in words.
    """

    def __init__(self, reader: Reader, column: int, max_chars: int = MAX_TEXT_CHARS) -> None:
        self._reader = reader
        self._column = column
        self._max_chars = max_chars
        self.text_name = reader.names[column]
        self.shown = f"texts: column {self.text_name!r}"

    def __call__(self, row: Row) -> tuple[str, str]:
        """The text and "", or "" and the fault."""
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
