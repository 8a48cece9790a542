"""Table of the formats: each is one module, and one line here."""

from collections.abc import Sequence
from pathlib import Path

from serving.errors import FileError
from serving.tables.base import Format, Reader, Writer
from serving.tables.delimited import CSV, TSV
from serving.tables.jsonl import JSONL
from serving.tables.parquet import PARQUET

FORMATS = (
    CSV,
    TSV,
    PARQUET,
    JSONL,
)


def format_of(path: Path) -> Format:
    """The format of a file's suffix. Raises FileError where it is none of FORMATS."""
    for file_format in FORMATS:
        if path.suffix.lower() == file_format.suffix:
            return file_format
    raise FileError(f"{path}: unknown kind of file; accepted: {', '.join(each.suffix for each in FORMATS)}")


def stream_format(name: str) -> Format:
    """The format of what goes through a pipe, by its name, such as "csv". Raises FileError."""
    streams = {each.suffix.removeprefix("."): each for each in FORMATS if each.streams}
    if name not in streams:
        raise FileError(f"a pipe needs --format; accepted: {', '.join(streams)}, found: {name or 'none'}")
    return streams[name]


def open_writer(target: Format, reader: Reader, source: Format, labels: Sequence[str]) -> Writer:
    """A writer of what `reader` reads, with the labels' columns added.

    Rows that stay in their format stay as they were written.

    Raises:
        RowsError: the target cannot hold such rows.
    """
    return reader.writer(labels) if target is source else target.new_writer(reader.columns(), labels)
