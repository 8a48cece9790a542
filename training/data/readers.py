"""Readers of data files: the tables that serving reads, and arrays of JSON, with errors that name file and column."""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

import pandas as pd

from serving.errors import FileError, RowsError
from serving.model.bundle import sha256
from serving.model.metadata import DataFile
from serving.tables.base import CHUNK_ROWS, Format, Reader, ReadOptions
from serving.tables.columns import loose_name, text_column
from serving.tables.delimited import TSV, cell_text
from serving.tables.dialect import check_header
from serving.tables.formats import GZIP, format_of, open_reader
from serving.tables.jsonl import JSONL
from serving.tables.parquet import PARQUET
from serving.tables.records import NOT_CSV
from serving.tables.text import check_encoding
from training.data.label_studio import is_json_array, read_json_array, with_label_column
from training.errors import DataError

_QUOTES = "if quotes are signs like others, say data.quoted = false"
_USUAL = "utf-8"  # says no more than nothing: how a file looks may say otherwise


def read_table(
    path: Path,
    encoding: str,
    *,
    quoted: bool = True,
    header: str = "auto",
    names: Iterable[str] = (),
    label: str = "",
    notes: list[str] | None = None,
) -> pd.DataFrame:
    """Every column of a data file as text, as the service would read it; a missing value is the empty string.

    Arrays of JSON are read as well, whose objects are rows; of an export of Label Studio, its annotations are.

    Args:
        path: The file.
        encoding: Of a text file, as Python names it.
        quoted: Whether cells of CSV and TSV may be quoted.
        header: Whether their first row has the names of the columns: "auto", "true" or "false". Where it has not, they
            are called column_1, column_2, and so on.
        names: Of columns that it must have: a first row with all of them is such a one.
        label: The name of the column of labels, which that of an export of Label Studio is given; "" to keep its own.
        notes: Gets sentences on what was decided about the file.

    Raises:
        DataError: The file is missing, of an unknown kind, not in that encoding, broken, or without rows.
    """
    choices: list[str] = []
    notes = [] if notes is None else notes
    try:
        declared, encoding = format_of(path), check_encoding(encoding)
        declared_encoding, known = "" if encoding == _USUAL else encoding, frozenset(map(loose_name, names))
        options = ReadOptions(declared_encoding, header=check_header(header), has_quotes=quoted, names=known)
        with _opened(path) as file:
            if declared is PARQUET:
                frame = _parquet(file)
            elif declared is JSONL and is_json_array(file):
                rows, choices = read_json_array(file, notes)
                frame = _objects(enumerate(rows, start=1), _USUAL)
            else:
                reader = open_reader(file, options, declared)
                frame = _text_table(reader, declared)
                notes += reader.notes
    except FileError as error:
        raise DataError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if frame.empty:
        raise DataError(f"{path}: has no rows; found columns: {_listed(frame.columns)}")
    frame.columns = pd.Index(_distinct_names([str(name).strip() for name in frame.columns]))
    return with_label_column(frame, label, choices, notes) if label else frame


def column(frame: pd.DataFrame, name: str, path: Path) -> "pd.Series[str]":
    """One column of a frame.

    Raises:
        DataError: There is none of this name; the sentence names those there are.
    """
    if name not in frame.columns:
        hint = "name the right one in the recipe, or by --text-column or --label-column"
        raise DataError(f"{path}: no column {name!r}; found: {_listed(frame.columns)}; {hint}")
    return frame[name]


def texts(frame: pd.DataFrame, name: str, path: Path, *, is_named: bool, notes: list[str]) -> "pd.Series[str]":
    """The column of texts of a frame.

    Args:
        frame: Of a file.
        name: Of the column.
        path: The file.
        is_named: Whether somebody named the column. Else, where there is none of this name, it is the one that the
            service would take.
        notes: Gets a sentence where that is so.

    Raises:
        DataError: There is no such column, or it is not clear which one holds the texts.
    """
    if is_named or name in frame.columns:
        return column(frame, name, path)
    try:
        index = text_column(frame.columns.tolist(), frame.head(CHUNK_ROWS).to_numpy().tolist(), name)
    except RowsError as error:
        raise DataError(f"{path}: {error}") from error
    notes.append(f"{path}: the texts are taken from the column {frame.columns[index]!r}.")
    return frame.iloc[:, index]


def fingerprint(path: Path, rows: int) -> DataFile:
    """What the bundle remembers of a file: base name, rows, sha256."""
    return DataFile(file=path.name, rows=rows, sha256=sha256(path))


def open_text(path: Path, encoding: str, errors: str = "strict", newline: str | None = None) -> TextIO:
    """Open a text file to read, gzipped or not; the arguments are those of `open`."""
    opened = gzip.open if path.suffix.lower() == GZIP else open
    return cast(TextIO, opened(path, "rt", encoding=encoding, errors=errors, newline=newline))


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as file:
        if path.suffix.lower() != GZIP:
            yield file
            return
        with gzip.open(file) as unpacked:
            yield cast(BinaryIO, unpacked)


def _text_table(reader: Reader, declared: Format) -> pd.DataFrame:
    """A text file's rows. A broken one ends it: what was passed over here would be missed by nobody."""
    if reader.format is JSONL:
        return _objects(((row, cells[0]) for row, cells in _rows(reader)), reader.encoding)
    rows = [[_text(value, row, reader.encoding) for value in cells] for row, cells in _rows(reader)]
    frame = pd.DataFrame(rows, columns=_distinct_names(reader.names), dtype=object)
    # TSV as most write it has no quoting; a text that begins with a quote then swallows the rows up to the next one.
    if declared is TSV and any(frame[name].str.contains("\n").any() for name in frame):
        raise FileError(f"a quoted cell runs over several lines; {_QUOTES}")
    return frame


def _objects(rows: Iterable[tuple[int, Mapping[str, Any]]], encoding: str) -> pd.DataFrame:
    """Objects with their numbers as rows of texts."""
    objects = [{name: _text(value, row, encoding) for name, value in values.items()} for row, values in rows]
    return pd.DataFrame(objects, dtype=object).fillna("")


def _rows(reader: Reader) -> Iterator[tuple[int, list[Any]]]:
    """The number and the cells of each row."""
    for number, row in enumerate(reader.rows(), start=1):
        if row.fault:
            hint = f"; {_QUOTES}" if row.fault.startswith(NOT_CSV) else ""
            raise FileError(f"row {number:,} is not readable: {row.fault}{hint}")
        yield number, row.cells


def _text(value: Any, row: int, encoding: str) -> str:
    """A cell; what a reader could not decode it holds as lone surrogates (PEP 383), or in other encodings as U+FFFD."""
    text = cell_text(value)
    if "\ufffd" in text and (text != value or not encoding.startswith("utf")):
        raise FileError(
            f"row {row:,} is not {encoding}, or has half a character; declare the file's encoding in the recipe "
            "or by --encoding"
        )
    return text


def _distinct_names(names: Sequence[str]) -> list[str]:
    """The names; those that several columns have with their number too, so that none is taken for another."""
    return [
        f"{name} (column {number})" if names.count(name) > 1 else name for number, name in enumerate(names, start=1)
    ]


def _parquet(file: BinaryIO) -> pd.DataFrame:
    # Whole numbers beside nulls would come as 1.0 without nullable types.
    # An index that two frames brought along when they were joined has numbers twice.
    try:
        frame = pd.read_parquet(file, dtype_backend="numpy_nullable").reset_index(drop=True)
    except ValueError as error:  # pyarrow's errors are all ValueErrors
        raise FileError(f"is not readable as parquet: {error}") from error
    return frame.astype(object).where(frame.notna(), "").astype(str)


def _listed(names: "pd.Index[str]") -> str:
    return ", ".join(repr(str(name)) for name in names)
