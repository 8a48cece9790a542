"""Sniffer of text tables: encoding, delimiter and the column of texts, as they are declared or as they look."""

import codecs
import csv
import re
from collections.abc import Iterable, Sequence
from statistics import mean
from typing import Any

from serving.errors import RowsError

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}

# Python also calls "encodings" what escapes, compresses or is quadratic in time (punycode, zip, unicode_escape).
_CHARACTER_SETS = re.compile(
    r"ascii|utf-8|utf-(16|32)(-[bl]e)?|iso8859-\d+|cp\d+|koi8-\w|kz1048|mac-\w+|gb2312|gbk|gb18030|big5(hkscs)?|"
    r"shift_jis(x0213|_2004)?|euc_\w+|johab|tis-620|ptcp154|hp-roman8"
)

_SIGNATURES = {
    b"PK\x03\x04": "an Excel workbook, or another file in a zip archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook of before 2007",
    b"PAR1\x15": "a Parquet file",
    b"\x1f\x8b": "compressed by gzip",
}


def check_encoding(name: str) -> str:
    """Python's own name of a character set. Raises RowsError for any other encoding."""
    try:
        encoding = codecs.lookup(name).name
    except (LookupError, ValueError):
        encoding = ""
    encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    if not _CHARACTER_SETS.fullmatch(encoding):
        accepted = "utf-8, latin-1, windows-1252, utf-16 and the like"
        raise RowsError(f"unknown encoding {name[:40]!r}; accepted: {accepted}", code="unknown_encoding")
    return encoding


def check_delimiter(name: str) -> str:
    """The character of `comma`, `semicolon` or `tab`, or of itself. Raises RowsError for another."""
    delimiter = DELIMITERS.get(name.strip().lower() or name, name)
    if delimiter not in DELIMITERS.values():
        raise RowsError(f"unknown delimiter {name[:40]!r}; accepted: {', '.join(DELIMITERS)}", code="unknown_delimiter")
    return delimiter


def check_is_text(start: bytes) -> None:
    """Raises RowsError where a file's first bytes are those of a kind that holds tables but is no text."""
    for signature, kind in _SIGNATURES.items():
        if start.startswith(signature):
            raise RowsError(f"it is {kind}, not CSV; accepted: the table saved or exported as CSV")


def guess_delimiter(header: str) -> str:
    """The delimiter that cuts a header line into the most cells; a comma where none cuts it."""
    return max(DELIMITERS.values(), key=lambda delimiter: len(next(csv.reader([header], delimiter=delimiter), [])))


# What columns of texts are called, the likelier ones first.
USUAL_NAMES = ("text", "tweet", "content", "message", "comment", "review", "body", "sentence", "post", "description")

_MUCH_LONGER = 2.0  # times as long as the cells of any other column
_MAX_LISTED = 20  # names in a sentence


def named_column(name: str, names: Sequence[str], how: str) -> int:
    """The index of the column of that name.

    Args:
        name: of the column.
        names: of all columns.
        how: to name another one, for the error's sentence.

    Raises:
        RowsError: there is none, or there are several.
    """
    count = names.count(name)
    if count != 1:
        columns = f"{count} columns" if count else "no column"
        raise RowsError(f"{columns} {name!r}; found: {listed(names)}; {how}", code="text_column_unknown")
    return names.index(name)


def guess_column(names: Sequence[str], rows: Sequence[Sequence[Any]], preferred: str) -> int:
    """The index of the column that holds texts.

    In this order: the only one; the one named as the model's own; one of a usual name, such as "tweet"; the one whose
    cells are on average twice as long as any other's, and of several words.

    Args:
        names: of all columns.
        rows: the cells of the first rows.
        preferred: the model's own name for texts.

    Raises:
        RowsError: none stands out. The sentence lists the columns.
    """
    if len(names) == 1:
        return 0
    plain_names = [name.strip().lower() for name in names]
    for name in (preferred.lower(), *USUAL_NAMES):
        if plain_names.count(name) == 1:
            return plain_names.index(name)
    lengths = [_mean_length(row[column] for row in rows) for column in range(len(names))]
    longest, second = sorted(range(len(names)), key=lengths.__getitem__, reverse=True)[:2]
    wordy = any(" " in str(row[longest]).strip() for row in rows)
    if wordy and lengths[longest] >= _MUCH_LONGER * lengths[second]:
        return longest
    remedy = "name one as text_column" if len(set(names)) == len(names) else "give each column a name of its own"
    raise RowsError(
        f"it is not clear which column holds the texts; found: {listed(names)}; {remedy}",
        code="text_column_unclear",
    )


def listed(names: Sequence[str]) -> str:
    """Names in quotes, the first of them where there are many."""
    more = f" and {len(names) - _MAX_LISTED:,} more" if len(names) > _MAX_LISTED else ""
    return ", ".join(repr(name[:60]) for name in names[:_MAX_LISTED]) + more


def _mean_length(cells: Iterable[Any]) -> float:
    return mean([len(cell) if isinstance(cell, str) else 0 for cell in cells] or [0])
