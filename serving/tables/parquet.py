"""Rows of Parquet files, where pyarrow is installed."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from serving.errors import RowsError
from serving.tables.base import CHUNK, Columns, Row
from serving.tables.escaping import whole_text


class ParquetReader:
    """Rows of a Parquet file. Raises RowsError where it is none, or a page of it is damaged."""

    columns: Columns

    def __init__(self, file: BinaryIO) -> None:
        arrow = pyarrow()
        try:
            self._file = arrow.parquet.ParquetFile(file)
        except (OSError, ValueError) as error:
            raise RowsError(f"it is not readable as Parquet: {error}") from error
        schema = self._file.schema_arrow
        self.columns = list(zip(schema.names, schema.types, strict=True))
        self._read, self._rows = 0, self._file.metadata.num_rows

    def chunks(self) -> Iterator[list[Row]]:
        """Lists of rows."""
        try:
            for batch in self._file.iter_batches(CHUNK):
                self._read += batch.num_rows
                cells = zip(*(column.to_pylist() for column in batch.columns), strict=True)
                yield [Row(list(row)) for row in cells]
        except (OSError, ValueError) as error:
            raise RowsError(f"it is damaged: {error}") from error

    def done(self) -> float | None:
        """The part of the file that has been read."""
        return self._read / self._rows if self._rows else None


class ArrowPages:
    """Rows as pages of bytes that can be appended to a file: Parquet itself can only be written whole.

    Each page is an Arrow IPC stream. `to_parquet` makes the Parquet file of them.
    """

    def __init__(self, columns: Columns) -> None:
        arrow = self._arrow = pyarrow()
        fields = [(name, arrow.type_for_alias(kind) if isinstance(kind, str) else kind) for name, kind in columns]
        self._schema = arrow.schema(fields)

    def page(self, rows: Sequence[Sequence[Any]]) -> bytes:
        """The page of some rows, which must not be none."""
        cells = zip(zip(*rows, strict=True), self._schema.types, strict=True)
        arrays = [self._arrow.array(map(_whole, values), type=kind) for values, kind in cells]
        sink = self._arrow.BufferOutputStream()
        with self._arrow.ipc.new_stream(sink, self._schema) as stream:
            stream.write_batch(self._arrow.RecordBatch.from_arrays(arrays, schema=self._schema))
        return bytes(sink.getvalue())

    def to_parquet(self, pages: Path, target: Path) -> None:
        """Write all pages of a file as one Parquet file."""
        with (
            self._arrow.OSFile(str(pages)) as source,
            self._arrow.parquet.ParquetWriter(target, self._schema) as writer,
        ):
            while source.tell() < source.size():
                for batch in self._arrow.ipc.open_stream(source):
                    writer.write_batch(batch)


def pyarrow() -> Any:
    """The library. Raises RowsError where it is not installed."""
    try:
        import pyarrow
        import pyarrow.ipc
        import pyarrow.parquet
    except ImportError as error:
        raise RowsError("Parquet needs pyarrow: pip install pyarrow (requirements-train.txt has it)") from error
    return pyarrow


def _whole(value: Any) -> Any:
    return whole_text(value) if isinstance(value, str) else value
