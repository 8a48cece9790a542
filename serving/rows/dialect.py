"""How a CSV is written: its encoding and what stands between its cells."""

import codecs
import csv
import re

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
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        found = ""
    found = "utf-8" if found == "utf-8-sig" else found
    if not _CHARACTER_SETS.fullmatch(found):
        accepted = "utf-8, latin-1, windows-1252, utf-16 and the like"
        raise RowsError(f"unknown encoding {name[:40]!r}; accepted: {accepted}", code="unknown_encoding")
    return found


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
