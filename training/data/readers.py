"""Readers of data files: CSV, TSV, JSONL and Parquet, gzip or not, with errors that name file and column."""

import codecs
import csv
import gzip
import json
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO, cast

import pandas as pd

from serving.model.bundle import sha256
from serving.model.metadata import DataFile
from serving.tables.sniffing import guess_delimiter
from training.errors import DataError

_HEADER = 100_000  # characters of a header that are looked at for its delimiter: more than any real header has


def read_table(
    path: Path,
    encoding: str,
    *,
    quoted: bool = True,
    header: str = "auto",  # noqa: ARG001
) -> pd.DataFrame:
    """Every column of a data file as text; a missing value is the empty string.

    A CSV's cells are parted by comma, semicolon or tab, whichever cuts its header into the most names.

    Args:
        path: The file.
        encoding: Of a text file, as Python names it.
        quoted: Whether cells of CSV and TSV may be quoted.
        header: Whether their first row holds the columns' names: auto, true or false.

    Raises:
        DataError: The file is missing, of an unknown kind, not in that encoding, broken, or without rows.
    """
    kind = _kind(path)
    try:
        "".encode(encoding)  # also refuses what only Python calls an encoding, such as hex
    except (LookupError, UnicodeError) as error:
        raise DataError(
            f"{path}: unknown encoding {encoding!r}; accepted: Python's names, such as utf-8, latin-1"
        ) from error
    try:
        frame = _READERS[kind](path, encoding, quoted)
    except UnicodeError as error:
        raise DataError(
            f"{path}: is not {encoding} ({error}); declare its encoding in the recipe or by --encoding"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except (ValueError, pd.errors.ParserWarning) as error:  # pandas' and pyarrow's parser errors are all ValueErrors
        raise DataError(f"{path}: is not readable as {kind[1:]}: {error}") from error
    if frame.empty:
        raise DataError(f"{path}: has no rows; found columns: {_listed(frame.columns)}")
    return frame.astype(object).where(frame.notna(), "").astype(str)


def column(frame: pd.DataFrame, name: str, path: Path) -> "pd.Series[str]":
    """One column of a frame.

    Raises:
        DataError: There is none of this name; the sentence names those there are.
    """
    if name not in frame.columns:
        hint = "name the right one in the recipe, or by --text-column or --label-column"
        raise DataError(f"{path}: no column {name!r}; found: {_listed(frame.columns)}; {hint}")
    return frame[name]


def fingerprint(path: Path, rows: int) -> DataFile:
    """What the bundle remembers of a file: base name, rows, sha256."""
    return DataFile(file=path.name, rows=rows, sha256=sha256(path))


def open_text(path: Path, encoding: str, errors: str = "strict", newline: str | None = None) -> TextIO:
    """Open a text file to read, gzipped or not; the arguments are those of `open`."""
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    return cast(TextIO, opened(path, "rt", encoding=encoding, errors=errors, newline=newline))


def _kind(path: Path) -> str:
    suffix = Path(path.stem if path.suffix == ".gz" else path.name).suffix.lower()
    if suffix not in _READERS or (suffix == ".parquet" and path.suffix == ".gz"):
        raise DataError(f"{path}: unknown kind of file; accepted: {', '.join(_READERS)}, the text kinds also with .gz")
    return suffix


def _delimited(path: Path, encoding: str, quoted: bool, delimiter: str) -> pd.DataFrame:
    # A byte-order mark would become part of the first column's name.
    encoding = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    options: dict[str, Any] = {
        "sep": delimiter,
        "dtype": str,
        "keep_default_na": False,
        "encoding": encoding,
        "index_col": False,
        "quoting": csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
    }
    with warnings.catch_warnings():
        # With more cells than names pandas would shift the columns, and only warn.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frame: pd.DataFrame = pd.read_csv(path, **options)
        names = pd.read_csv(path, header=None, nrows=1, **options).iloc[0].tolist()
    return frame.set_axis(_distinct_names(frame.columns, names), axis="columns")


def _distinct_names(columns: "pd.Index[str]", names: list[str]) -> list[str]:
    """The columns; those of one name by their number too, so that neither is taken for the other."""
    repeated = {name for name in names if name and names.count(name) > 1}
    pairs = enumerate(zip(columns, names, strict=True), start=1)
    return [f"{name} (column {number})" if name in repeated else column for number, (column, name) in pairs]


def _csv(path: Path, encoding: str, quoted: bool) -> pd.DataFrame:
    with open_text(path, encoding) as file:
        lines = iter(lambda: file.readline(_HEADER).removeprefix("\ufeff"), "")
        header = next((line for line in lines if line.strip()), "")
    return _delimited(path, encoding, quoted, guess_delimiter(header))


def _tsv(path: Path, encoding: str, quoted: bool) -> pd.DataFrame:
    frame = _delimited(path, encoding, quoted, "\t")
    # TSV as most write it has no quoting; a text that begins with a quote then swallows the rows up to the next one.
    if any(frame[name].str.contains("\n").any() for name in frame):
        raise ValueError(
            "a quoted cell runs over several lines; if quotes are signs like others, say data.quoted = false"
        )
    return frame


def _jsonl(path: Path, encoding: str, quoted: bool) -> pd.DataFrame:  # noqa: ARG001
    with open_text(path, encoding) as file:
        rows = [_json_object(line, number) for number, line in enumerate(file, start=1) if line.strip("\ufeff\r\n ")]
    return pd.DataFrame(rows, dtype=object)


def _json_object(line: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line.removeprefix("\ufeff"))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"line {number} is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise ValueError(f"line {number} is not an object")
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"line {number} has half a character, {error.object[error.start]!a}") from None
    return row


def _parquet(path: Path, encoding: str, quoted: bool) -> pd.DataFrame:  # noqa: ARG001
    # Whole numbers beside nulls would come as 1.0 without nullable types.
    # An index that two frames brought along when they were joined has numbers twice.
    return pd.read_parquet(path, dtype_backend="numpy_nullable").reset_index(drop=True)


_READERS: dict[str, Callable[[Path, str, bool], pd.DataFrame]] = {
    ".csv": _csv,
    ".tsv": _tsv,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
}


def _listed(names: "pd.Index[str]") -> str:
    return ", ".join(repr(str(name)) for name in names)
