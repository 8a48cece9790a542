"""Data files to rows: CSV, TSV, JSONL and Parquet, gzip or not, with errors that name file and column."""

import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from serving.metadata import DataFile
from training.errors import DataError

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")


def read_table(path: Path, encoding: str) -> pd.DataFrame:
    """Every column of a data file as text; a missing value is the empty string.

    `encoding` is Python's name of a text file's encoding. Raises DataError when the file is missing, of an unknown
    kind, not in that encoding, broken, or without rows.
    """
    kind = _kind(path)
    try:
        frame = _READERS[kind](path, encoding)
    except LookupError as error:
        raise DataError(
            f"{path}: unknown encoding {encoding!r}; accepted: Python's names, such as utf-8, latin-1"
        ) from error
    except UnicodeError as error:
        raise DataError(
            f"{path}: is not {encoding} ({error}); declare its encoding in the recipe or by --encoding"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except ValueError as error:  # pandas' and pyarrow's parser errors are all ValueErrors
        raise DataError(f"{path}: is not readable as {kind[1:]}: {error}") from error
    if frame.empty:
        raise DataError(f"{path}: has no rows; found columns: {_listed(frame.columns)}")
    return frame.astype(object).where(frame.notna(), "").astype(str)


def column(frame: pd.DataFrame, name: str, path: Path) -> "pd.Series[str]":
    """One column. Raises DataError naming the columns there are."""
    if name not in frame.columns:
        raise DataError(f"{path}: no column {name!r}; found: {_listed(frame.columns)}")
    return frame[name]


def fingerprint(path: Path, rows: int) -> DataFile:
    """What the bundle remembers of a file: base name, rows, sha256."""
    with path.open("rb") as file:
        return DataFile(file=path.name, rows=rows, sha256=hashlib.file_digest(file, "sha256").hexdigest())


def _kind(path: Path) -> str:
    suffix = Path(path.stem if path.suffix == ".gz" else path.name).suffix.lower()
    if suffix not in SUFFIXES or (suffix == ".parquet" and path.suffix == ".gz"):
        raise DataError(f"{path}: unknown kind of file; accepted: {', '.join(SUFFIXES)}, the text kinds also with .gz")
    return suffix


def _delimited(separator: str) -> Callable[[Path, str], pd.DataFrame]:
    def read(path: Path, encoding: str) -> pd.DataFrame:
        # A byte-order mark would become part of the first column's name.
        encoding = "utf-8-sig" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding
        return pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding=encoding)

    return read


def _jsonl(path: Path, encoding: str) -> pd.DataFrame:
    return pd.read_json(path, lines=True, dtype=False, encoding=encoding)


def _parquet(path: Path, encoding: str) -> pd.DataFrame:  # noqa: ARG001
    return pd.read_parquet(path)


_READERS: dict[str, Callable[[Path, str], pd.DataFrame]] = {
    ".csv": _delimited(","),
    ".tsv": _delimited("\t"),
    ".jsonl": _jsonl,
    ".parquet": _parquet,
}


def _listed(names: "pd.Index[str]") -> str:
    return ", ".join(repr(str(name)) for name in names)
