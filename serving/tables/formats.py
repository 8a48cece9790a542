"""Which kind of file is read or written, by its suffix or by name."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from serving.errors import FileError, RowsError
from serving.tables.base import Reader
from serving.tables.delimited import DelimitedReader
from serving.tables.jsonl import JsonLinesReader
from serving.tables.parquet import ParquetReader
from serving.tables.writers import NewDelimited, NewJsonLines, NewParquet, SameDelimited, SameJsonLines, Writer

CSV, TSV, PARQUET, JSONL = KINDS = (".csv", ".tsv", ".parquet", ".jsonl")
_DELIMITERS = {CSV: ",", TSV: "\t"}


def kind_of(path: Path) -> str:
    """The suffix in lower case. Raises FileError for a kind that is not known."""
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise FileError(f"{path}: unknown kind of file; accepted: {', '.join(KINDS)}")
    return kind


def open_reader(
    file: BinaryIO, kind: str, *, encoding: str = "utf-8", delimiter: str = "", size: int | None = None
) -> Reader:
    """A reader of that kind of file. A CSV's delimiter is guessed where it is "". Raises RowsError."""
    if kind == PARQUET:
        return ParquetReader(file)
    if kind == JSONL:
        return JsonLinesReader(file, size)
    return DelimitedReader(file, encoding, delimiter or ("\t" if kind == TSV else ""), size)


def open_writer(kind: str, reader: Reader, source_kind: str, labels: Sequence[str]) -> Writer:
    """A writer of what the reader gives with the labels' columns added. Raises RowsError where it cannot be."""
    if isinstance(reader, DelimitedReader) and kind == source_kind:
        return SameDelimited(reader, labels)
    if isinstance(reader, JsonLinesReader):
        if kind != JSONL:
            raise RowsError(f"JSONL has no fixed columns, so its output cannot be {kind}; accepted: {JSONL}")
        return SameJsonLines(reader.columns, labels)
    if kind == JSONL:
        return NewJsonLines(reader.columns, labels)
    return (
        NewParquet(reader.columns, labels)
        if kind == PARQUET
        else NewDelimited(reader.columns, labels, _DELIMITERS[kind])
    )
