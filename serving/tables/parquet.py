"""Parquet, where pyarrow is installed: its reader and its writer."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from serving.errors import RowsError, package_missing
from serving.tables.added_columns import AddedColumns, Columns, RowResult, with_surplus
from serving.tables.base import CHUNK_ROWS, Format, Reader, ReadOptions, Row, ScoredRows, Writer, names_of
from serving.tables.text import OutputEncoding, decodable


class ParquetReader(Reader):
    """Rows of a Parquet file.

    Args:
        file: can be read at any place; it is left open.
        options: of them, `row_groups` alone matters.

    Raises:
        RowsError: it is none, a page of it is damaged, or pyarrow is not installed.
    """

    def __init__(self, file: BinaryIO, options: ReadOptions) -> None:
        self.format = PARQUET
        self._file = _parquet_file(file)
        metadata = self._file.metadata
        self._row_groups = range(*(options.row_groups or (0, metadata.num_row_groups)))
        self._rows = sum(metadata.row_group(group).num_rows for group in self._row_groups)
        self._rows_read = 0
        self.names = self._file.schema_arrow.names

    def rows(self) -> Iterator[Row]:
        """Every row, once. Raises RowsError where a page is damaged."""
        try:
            for batch in self._file.iter_batches(CHUNK_ROWS, row_groups=self._row_groups):
                self._rows_read += batch.num_rows
                for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    yield Row(list(cells))
        except (OSError, ValueError) as error:
            raise RowsError(f"it is damaged: {error}") from error

    def writer(self, added: AddedColumns, encoding: OutputEncoding) -> "ParquetWriter":
        """A writer of the same columns and types."""
        return ParquetWriter(self, added, encoding)

    def progress(self) -> float | None:
        """The share of the rows that has been read."""
        return self._rows_read / self._rows if self._rows else None

    def columns(self) -> Columns:
        """Names and Arrow types."""
        return list(zip(self.names, self._file.schema_arrow.types, strict=True))


class ParquetWriter(Writer):
    """Parquet of any format's values.

    Parquet itself can only be written as a whole, so that each page is an Arrow IPC stream; the finished file is made
    of them.
    """

    def __init__(self, reader: Reader, added: AddedColumns, encoding: OutputEncoding) -> None:
        super().__init__(reader, added, encoding)
        arrow = self._arrow = _pyarrow()
        fields = [*reader.columns(), *self.added_columns]
        types = [arrow.type_for_alias(kind) if isinstance(kind, str) else kind for _, kind in fields]
        self._schema = arrow.schema(list(zip(names_of(fields), types, strict=True)))

    def page(self, rows: ScoredRows) -> bytes:
        """An Arrow IPC stream of the rows."""
        columns = zip(*(self._values(row, result) for row, result in rows), strict=True)
        arrays = [
            self._arrow.array([_storable(value, kind == self._arrow.string()) for value in values], type=kind)
            for values, kind in zip(columns, self._schema.types, strict=True)
        ]
        sink = self._arrow.BufferOutputStream()
        with self._arrow.ipc.new_stream(sink, self._schema) as stream:
            stream.write_batch(self._arrow.RecordBatch.from_arrays(arrays, schema=self._schema))
        return bytes(sink.getvalue())

    def finish(self, pages: Path) -> Path:
        """The Parquet file of all pages, beside them."""
        finished = pages.with_name(f"{pages.name}.whole")
        with (
            self._arrow.OSFile(str(pages)) as source,
            self._arrow.parquet.ParquetWriter(finished, self._schema) as writer,
        ):
            while source.tell() < source.size():
                for batch in self._arrow.ipc.open_stream(source):
                    writer.write_batch(batch)
        return finished

    def _values(self, row: Row, result: RowResult) -> list[Any]:
        cells, columns = self.reader.cells(row), len(self.names)
        return cells[:columns] + self.added.values(with_surplus(result, cells[columns:]))


def row_counts(file: BinaryIO) -> list[int]:
    """The number of rows in each row group of a file, which is left open; none where it is no Parquet.

    Raises:
        RowsError: it cannot be read, so that nobody knows, or pyarrow is not installed.
    """
    try:
        metadata = _pyarrow().parquet.ParquetFile(file).metadata
    except OSError as error:
        raise RowsError(f"it cannot be read: {error}") from error
    except ValueError:
        return []
    return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]


def _parquet_file(file: BinaryIO) -> Any:
    arrow = _pyarrow()
    try:
        return arrow.parquet.ParquetFile(file)
    except (OSError, ValueError) as error:
        raise RowsError(f"it is not readable as Parquet: {error}") from error


def _pyarrow() -> Any:
    """The library. Raises RowsError where it is not installed."""
    try:
        import pyarrow
        import pyarrow.ipc
        import pyarrow.parquet
    except ImportError as error:
        raise RowsError(package_missing("Parquet", "pyarrow")) from error
    return pyarrow


def _storable(value: Any, is_string: bool) -> Any:
    """A value that its column can hold: one of strings takes others as JSON writes them."""
    if isinstance(value, str):
        return decodable(value)
    return json.dumps(value, ensure_ascii=False, default=str) if is_string and value is not None else value


PARQUET = Format((".parquet",), "application/vnd.apache.parquet", new_writer=ParquetWriter, open_binary=ParquetReader)
