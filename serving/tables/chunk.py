"""Some rows with the texts in them that can be classified."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from serving.model.types import Prediction
from serving.tables.base import MAX_TEXT_CHARS, Row
from serving.tables.writers import NOTHING_TO_READ, Answer

FAILED = "the prediction failed"
"""What is said in the row of a text that the predictor could not bear."""

_SURROGATE = re.compile("[\ud800-\udfff]")


class TextOf:
    """Finds the text of a row, or why it has none.

    Args:
        place: of the column; or the key where rows are JSON objects.
        limit: characters that a text may have.
        encoding: of the file, so that what was not in it is known.
    """

    def __init__(self, place: int | str, *, limit: int = MAX_TEXT_CHARS, encoding: str = "utf-8") -> None:
        self._place, self._limit, self._encoding = place, limit, encoding

    def __call__(self, row: Row) -> tuple[str, str]:
        """The text and "", or anything and the fault."""
        if row.fault:
            return "", row.fault
        if isinstance(self._place, int):
            return self._checked(row.cells[self._place])
        found = row.cells[0]
        if self._place not in found:
            return "", f"no key {self._place!r}"
        return self._checked(found[self._place])

    def _checked(self, cell: Any) -> tuple[str, str]:
        if isinstance(cell, dict | list):
            return "", "not a text"
        missing = cell is None or cell != cell  # as NaN alone does
        text = "" if missing else str(cell)
        if not text or text.isspace():
            return "", NOTHING_TO_READ
        if len(text) > self._limit:
            return "", f"{len(text):,} characters; at most {self._limit:,} are accepted"
        return text, self._undecoded(text)

    def _undecoded(self, text: str) -> str:
        if text.isascii():
            return ""
        # How the reader of a text file keeps what it cannot decode; JSON can also hold a lone surrogate by itself.
        if broken := _SURROGATE.search(text):
            byte = ord(broken[0]) - 0xDC00
            return f"byte {byte:#04x} is not UTF-8" if 0x80 <= byte <= 0xFF else "a lone surrogate is not Unicode text"
        if self._encoding != "utf-8" and "\ufffd" in text:
            return f"a byte is not {self._encoding}"
        return ""


class Piece:
    """Rows, of which those in `texts` are to be predicted."""

    def __init__(self, rows: Sequence[Row], text_of: Callable[[Row], tuple[str, str]]) -> None:
        self.rows = rows
        found = [text_of(row) for row in rows]
        self._faults = [fault for _, fault in found]
        self.texts = [text for text, fault in found if not fault]

    def answered(self, predictions: Sequence[Prediction | None]) -> list[tuple[Row, Answer]]:
        """Each row with its answer, given the predictions of `texts`, None where one failed."""
        return list(self._pairs(predictions))

    def _pairs(self, predictions: Sequence[Prediction | None]) -> Iterator[tuple[Row, Answer]]:
        answers = iter([Answer(prediction, "" if prediction else FAILED) for prediction in predictions])
        for row, fault in zip(self.rows, self._faults, strict=True):
            yield row, Answer(None, fault) if fault else next(answers)
