"""A file of text as Excel opens it by a double click and saves it as a workbook, which openpyxl then reads back."""

import csv
import io
import re
from pathlib import Path

from openpyxl import Workbook, load_workbook

Cell = str | int | float | bool | None
FORMULA = "f"  # the type that openpyxl gives to a cell

_SEPARATOR = re.compile(r"sep=(.)\r?\n")
_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?([eE][-+]?\d+)?")
_FORMULA_SIGNS = ("=", "+", "-", "@")


def saved_by_excel(path: Path, list_separator: str) -> list[list[tuple[Cell, str]]]:
    """The value and openpyxl's type of every cell, one list a row.

    Args:
        path: of a CSV or TSV.
        list_separator: of the country that Windows is set to; a file's own `sep=` comes before it.
    """
    content = path.read_bytes()
    has_mark = content.startswith(b"\xef\xbb\xbf")
    text = content.decode("utf-8-sig") if has_mark else content.decode("cp1252", "replace")
    separator = _SEPARATOR.match(text)
    delimiter = separator[1] if separator else "\t" if path.suffix == ".tsv" else list_separator
    lines = io.StringIO(text[separator.end() :] if separator else text, newline="")
    workbook = Workbook()
    for number, cells in enumerate(csv.reader(lines, delimiter=delimiter), start=1):
        for column, cell in enumerate(cells, start=1):
            workbook.worksheets[0].cell(number, column, _value(cell))
    workbook.save(path.with_suffix(".xlsx"))
    sheet = load_workbook(path.with_suffix(".xlsx")).worksheets[0]
    return [[(cell.value, cell.data_type) for cell in row] for row in sheet.iter_rows()]


def _value(cell: str) -> Cell:
    """What Excel makes of a cell; openpyxl takes a text that begins with `=` for a formula."""
    if _NUMBER.fullmatch(cell):
        return float(cell.replace(",", "."))
    if cell.startswith(_FORMULA_SIGNS):
        return f"={cell.removeprefix('=')}"
    return {"": None, "true": True, "false": False}.get(cell.lower(), cell)
