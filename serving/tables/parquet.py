"""Parquet, where pyarrow is installed: its reader and its writer."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from serving.errors import RowsError
from serving.tables.added_columns import added_columns, row_values
from serving.tables.base import CHUNK_ROWS, Columns, Format, Row, ScoredRows, Writer, names_of
from serving.tables.lines import replace_undecoded


class ParquetReader:
    """Rows of a Parquet file.

    Raises:
        RowsError: it is none, a page of it is damaged, or pyarrow is not installed.
    """

    encoding = "utf-8"

    def __init__(self, file: BinaryIO) -> None:
        arrow = _pyarrow()
        try:
            self._file = arrow.parquet.ParquetFile(file)
        except (OSError, ValueError) as error:
            raise RowsError(f"it is not readable as Parquet: {error}") from error
        self._rows_read = 0
        self.names: list[str] = self._file.schema_arrow.names

    def columns(self) -> Columns:
        """Names and Arrow types."""
        return list(zip(self.names, self._file.schema_arrow.types, strict=True))

    def rows(self) -> Iterator[Row]:
        """Every row, once. Raises RowsError where a page is damaged."""
        try:
            for batch in self._file.iter_batches(CHUNK_ROWS):
                self._rows_read += batch.num_rows
                yield from [Row(list(cells)) for cells in zip(*map(_values, batch.columns), strict=True)]
        except (OSError, ValueError) as error:
            raise RowsError(f"it is damaged: {error}") from error

    def cell(self, row: Row, column: int) -> Any:
        """The value in the column of that index."""
        return row.cells[column]

    def writer(self, labels: Sequence[str]) -> "ParquetWriter":
        """A writer of the same columns and types."""
        return ParquetWriter(self.columns(), labels)

    def progress(self) -> float | None:
        """The share of the rows that has been read."""
        rows = self._file.metadata.num_rows
        return self._rows_read / rows if rows else None


class ParquetWriter(Writer):
    """Parquet of any format's values.

    Parquet itself can only be written as a whole, so that each page is an Arrow IPC stream; the finished file is made
    of them.
    """

    def __init__(self, columns: Columns, labels: Sequence[str]) -> None:
        self._arrow = _pyarrow()
        added = added_columns(labels, names_of(columns))
        self.label_column = added[0][0]
        self._labels = labels
        self._columns = len(columns)
        self._schema = self._arrow.schema([(name, self._arrow_type(kind)) for name, kind in [*columns, *added]])

    def page(self, rows: ScoredRows) -> bytes:
        """An Arrow IPC stream of the rows."""
        values = [row_values(row, result, self._columns, self._labels) for row, result in rows]
        columns = zip(zip(*values, strict=True), self._schema.types, strict=True)
        arrays = [self._arrow.array(map(_decodable, cells), type=kind) for cells, kind in columns]
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

    def _arrow_type(self, kind: Any) -> Any:
        return self._arrow.type_for_alias(kind) if isinstance(kind, str) else kind


def _pyarrow() -> Any:
    """The library. Raises RowsError where it is not installed."""
    try:
        import pyarrow
        import pyarrow.ipc
        import pyarrow.parquet
    except ImportError as error:
        raise RowsError("Parquet needs pyarrow: pip install pyarrow (requirements-train.txt has it)") from error
    return pyarrow


def _values(column: Any) -> list[Any]:
    values: list[Any] = column.to_pylist()
    return values


def _decodable(value: Any) -> Any:
    return replace_undecoded(value) if isinstance(value, str) else value


PARQUET = Format(
    suffix=".parquet",
    media_type="application/vnd.apache.parquet",
    open_reader=lambda file, _: ParquetReader(file),
    new_writer=ParquetWriter,
    streams=False,
)
