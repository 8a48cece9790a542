"""Parquet, where pyarrow is installed: its reader and its writer."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from serving.errors import RowsError
from serving.tables.added_columns import Columns, RowResult, added_values, with_surplus
from serving.tables.base import CHUNK_ROWS, Format, Reader, ReadOptions, Row, ScoredRows, Writer, names_of


class ParquetReader(Reader):
    """Rows of a Parquet file.

    Args:
        file: can be read at any place; it is left open.
        options: none of them matters.

    Raises:
        RowsError: it is none, a page of it is damaged, or pyarrow is not installed.
    """

    def __init__(self, file: BinaryIO, options: ReadOptions) -> None:  # noqa: ARG002
        arrow = _pyarrow()
        try:
            self._file = arrow.parquet.ParquetFile(file)
        except (OSError, ValueError) as error:
            raise RowsError(f"it is not readable as Parquet: {error}") from error
        self._rows_read = 0
        self.names = self._file.schema_arrow.names

    def rows(self) -> Iterator[Row]:
        """Every row, once. Raises RowsError where a page is damaged."""
        try:
            for batch in self._file.iter_batches(CHUNK_ROWS):
                self._rows_read += batch.num_rows
                for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    yield Row(list(cells))
        except (OSError, ValueError) as error:
            raise RowsError(f"it is damaged: {error}") from error

    def writer(self, labels: Sequence[str]) -> "ParquetWriter":
        """A writer of the same columns and types."""
        return ParquetWriter(self.columns(), labels)

    def progress(self) -> float | None:
        """The share of the rows that has been read."""
        rows = self._file.metadata.num_rows
        return self._rows_read / rows if rows else None

    def columns(self) -> Columns:
        """Names and Arrow types."""
        return list(zip(self.names, self._file.schema_arrow.types, strict=True))


class ParquetWriter(Writer):
    """Parquet of any format's values.

    Parquet itself can only be written as a whole, so that each page is an Arrow IPC stream; the finished file is made
    of them.
    """

    def __init__(self, columns: Columns, labels: Sequence[str]) -> None:
        super().__init__(names_of(columns), labels)
        arrow = self._arrow = _pyarrow()
        fields = [*columns, *self.added_columns]
        types = [arrow.type_for_alias(kind) if isinstance(kind, str) else kind for _, kind in fields]
        self._schema = arrow.schema(list(zip(names_of(fields), types, strict=True)))

    def page(self, rows: ScoredRows) -> bytes:
        """An Arrow IPC stream of the rows."""
        columns = zip(*(self._values(row, result) for row, result in rows), strict=True)
        arrays = [
            self._arrow.array(map(_decodable, values), type=kind)
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
        columns = len(self.names)
        return row.cells[:columns] + added_values(with_surplus(result, row.cells[columns:]), self.labels)


def _pyarrow() -> Any:
    """The library. Raises RowsError where it is not installed."""
    try:
        import pyarrow
        import pyarrow.ipc
        import pyarrow.parquet
    except ImportError as error:
        raise RowsError("Parquet needs pyarrow: pip install pyarrow (requirements-train.txt has it)") from error
    return pyarrow


def _decodable(value: Any) -> Any:
    """A text's bytes that are no UTF-8, which a reader holds as lone surrogates (PEP 383), become U+FFFD."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if isinstance(value, str) else value


PARQUET = Format(".parquet", "application/vnd.apache.parquet", ParquetReader, ParquetWriter, streams=False)
