"""Files of rows, read and written in pieces: CSV and TSV by the standard library, Parquet by pyarrow where it is."""

import codecs
import csv
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from serving.errors import FileError

CHUNK = 2048
SEPARATORS = {".csv": ",", ".tsv": "\t"}
PARQUET = ".parquet"
Cells = list[Any]
Columns = list[tuple[str, Any]]  # not a dict: names may be empty, or the same


class Reader(Protocol):
    """Columns in order, each a name and a type as Arrow names it, and the rows in chunks."""

    columns: Columns

    def chunks(self) -> Iterator[list[Cells]]: ...


class Writer(Protocol):
    """Takes what a Reader gives, with cells added."""

    def write(self, rows: list[Cells]) -> None: ...


class CsvReader:
    """Rows of a CSV (RFC 4180) or TSV. Raises FileError where the file is not in `encoding` or has no header."""

    def __init__(self, path: Path, encoding: str, closing: ExitStack) -> None:
        self._path, self._encoding = path, encoding
        # A byte-order mark would become part of the first column's name.
        try:
            codec = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
            file = closing.enter_context(path.open(encoding=codec, newline=""))
        except LookupError as error:
            raise FileError(f"{path}: unknown encoding {encoding!r}; accepted: utf-8, latin-1 and the like") from error
        csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # its default cuts off at 128 KiB with an error
        # Strict: else a quote that is never closed swallows the rest of the file without a word.
        self._rows = csv.reader(file, delimiter=SEPARATORS[path.suffix.lower()], strict=True)
        self.columns: Columns = [(name, "string") for name in next(self._read(), [])]
        if not self.columns:
            raise FileError(f"{path}: is empty; accepted: a header and rows")

    def chunks(self) -> Iterator[list[Cells]]:
        """Lists of rows, each with a cell a column; a row with fewer is filled up. FileError for one with more."""
        chunk: list[Cells] = []
        for row in self._read():
            missing = len(self.columns) - len(row)
            if missing < 0:
                found = f"line {self._rows.line_num} has {len(row)} cells, the header {len(self.columns)}"
                raise FileError(f"{self._path}: {found}; accepted: as many, or fewer")
            chunk.append(row + [""] * missing)
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def _one_column(self) -> bool:
        return len(getattr(self, "columns", ())) == 1

    def _read(self) -> Iterator[list[str]]:
        try:
            # A blank line is a row without text where there is one column, and no row where there are more.
            yield from (row or [""] for row in self._rows if row or self._one_column())
        except UnicodeError as error:
            line = self._rows.line_num + 1
            raise FileError(f"{self._path}: line {line} is not {self._encoding}; declare it by --encoding") from error
        except csv.Error as error:
            raise FileError(f"{self._path}: line {self._rows.line_num} is not CSV: {error}") from error


class CsvWriter:
    """Writes UTF-8 CSV or TSV."""

    def __init__(self, path: Path, suffix: str, columns: Columns, closing: ExitStack) -> None:
        file = closing.enter_context(path.open("w", encoding="utf-8", newline=""))
        self._writer = csv.writer(file, delimiter=SEPARATORS[suffix], lineterminator="\n")
        self._writer.writerow([name for name, _ in columns])

    def write(self, rows: list[Cells]) -> None:
        """Append rows."""
        self._writer.writerows(rows)


class ParquetReader:
    """Rows of a Parquet file."""

    def __init__(self, path: Path, closing: ExitStack) -> None:
        arrow, self._path = _pyarrow(), path
        try:
            self._file = closing.enter_context(arrow.parquet.ParquetFile(path))
        except (OSError, ValueError) as error:
            raise FileError(f"{path}: is not readable as Parquet: {error}") from error
        schema = self._file.schema_arrow
        self.columns: Columns = list(zip(schema.names, schema.types, strict=True))

    def chunks(self) -> Iterator[list[Cells]]:
        """Lists of rows. Raises FileError where a page of the file is damaged."""
        try:
            for batch in self._file.iter_batches(CHUNK):
                yield [list(row) for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)]
        except (OSError, ValueError) as error:
            raise FileError(f"{self._path}: is damaged: {error}") from error


class ParquetWriter:
    """Writes Parquet."""

    def __init__(self, path: Path, columns: Columns, closing: ExitStack) -> None:
        arrow = self._arrow = _pyarrow()
        fields = [(name, arrow.type_for_alias(kind) if isinstance(kind, str) else kind) for name, kind in columns]
        self._schema = arrow.schema(fields)
        self._writer = closing.enter_context(arrow.parquet.ParquetWriter(path, self._schema))

    def write(self, rows: list[Cells]) -> None:
        """Append rows."""
        cells = zip(zip(*rows, strict=True), self._schema.types, strict=True)
        arrays = [self._arrow.array(values, type=kind) for values, kind in cells]
        self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))


class PartialFile:
    """A file that comes to its name only when it is whole: `with PartialFile(path) as partial: ...`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.partial = path.with_name(f".{path.name}.partial")

    def __enter__(self) -> Self:
        if self.path.is_dir():
            raise FileError(f"{self.path}: is a folder; accepted: a file's name")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.partial.touch()
        except OSError as error:
            raise FileError(f"{self.path}: cannot be written ({error.strerror})") from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.partial.replace(self.path)
        else:
            self.partial.unlink(missing_ok=True)


def open_reader(path: Path, encoding: str, closing: ExitStack) -> Reader:
    """A reader by the file's suffix. Raises FileError."""
    if not path.is_file():
        raise FileError(f"{path}: no such file")
    return ParquetReader(path, closing) if check_suffix(path) == PARQUET else CsvReader(path, encoding, closing)


def open_writer(path: Path, suffix: str, columns: Columns, closing: ExitStack) -> Writer:
    """A writer for a suffix."""
    return ParquetWriter(path, columns, closing) if suffix == PARQUET else CsvWriter(path, suffix, columns, closing)


def check_suffix(path: Path) -> str:
    """The suffix in lower case. Raises FileError for a kind that is not known."""
    suffix = path.suffix.lower()
    if suffix not in (*SEPARATORS, PARQUET):
        raise FileError(f"{path}: unknown kind of file; accepted: {', '.join((*SEPARATORS, PARQUET))}")
    return suffix


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise FileError("Parquet needs pyarrow: pip install pyarrow (requirements-train.txt has it)") from error
    return pyarrow
