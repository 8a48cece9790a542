"""Cells as CSV has them, and safe for a spreadsheet."""

import re

# What a spreadsheet may run as a formula, full-width forms included (OWASP, "CSV Injection").
_FORMULA = re.compile("[=+\\-@\t\r\n＝＋－＠]")
_SPECIAL = re.compile('[",;\t\r\n]|^ | $')
# A cell with its quotes: a quoted part, then whatever else stands before the delimiter.
_CELLS = {
    delimiter: re.compile(f'(?:"(?:[^"]|"")*"?)?[^{delimiter}\r\n]*(?:{delimiter}|$)') for delimiter in (",", ";", "\t")
}


def quoted(cell: str) -> str:
    """A cell of a CSV (RFC 4180), quoted where a delimiter, a quote, a line end or an outer space is in it."""
    return '"' + cell.replace('"', '""') + '"' if _SPECIAL.search(cell) else cell


def harmless(cell: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would run it as a formula."""
    return "'" + cell if _FORMULA.match(cell) else cell


def without_end(text: str) -> tuple[str, str]:
    """A record and its line end, which may be missing."""
    body = text.rstrip("\r\n")
    return body, text[len(body) :]


def cut(body: str, cells: int, delimiter: str) -> tuple[str, str]:
    """A record as written, parted after so many cells: the rest begins with the delimiter. It must have more cells."""
    end = 0
    for _ in range(cells):
        match = _CELLS[delimiter].match(body, end)
        end = match.end() if match else len(body)
    return body[: end - 1], body[end - 1 :]


def whole_text(text: str) -> str:
    """The text with what could not be decoded, held as lone surrogates (PEP 383), replaced by U+FFFD."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
