"""Table of the formats: each is one module, and one line here; and how a file of any of them is opened."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from serving.errors import FileError, RowsError
from serving.model.predictor import PredictorLike
from serving.tables.added_columns import AddedColumns
from serving.tables.base import MAX_TEXT_CHARS, Format, Reader, ReadOptions, Row, Writer, in_chunks
from serving.tables.delimited import CSV, TSV
from serving.tables.inputs.fields import FieldColumns, FieldsExtractor
from serving.tables.inputs.text import TextColumn, TextExtractor
from serving.tables.jsonl import JSONL
from serving.tables.parquet import PARQUET
from serving.tables.text import OutputEncoding, TextFile

# A text file is of the first that recognizes it.
FORMATS = (
    JSONL,
    CSV,
    TSV,
    PARQUET,
)
SUFFIXES = [suffix for each in FORMATS for suffix in each.suffixes]
STREAMS = {each.name: each for each in FORMATS if each.open_text}
GZIP = ".gz"

TableInput = TextColumn | FieldColumns  # what a model reads of tables, and what it adds to them


@dataclass(frozen=True, slots=True)
class Table:
    """An open file whose columns are known.

    Attributes:
        reader: of the file, from which `rows` come.
        rows: all of them, once.
        extract: takes what the model reads out of each of them.
    """

    reader: Reader
    rows: Iterator[Row]
    extract: TextExtractor | FieldsExtractor


def table_input(predictor: PredictorLike) -> TableInput:
    """What a model reads of tables, by its kind of input."""
    metadata, fields = predictor.metadata, predictor.fields
    if fields is None:
        return TextColumn(metadata.labels, metadata.recipe.get("data", {}).get("text", "text"))
    return FieldColumns(metadata.labels, fields)


def format_of(path: Path) -> Format:
    """The format that a file's suffix names, before a `.gz`. Raises FileError where it is none of FORMATS."""
    suffix = path.with_suffix("").suffix if path.suffix.lower() == GZIP else path.suffix
    for file_format in FORMATS:
        if suffix.lower() in file_format.suffixes and (file_format.open_text or path.suffix.lower() != GZIP):
            return file_format
    raise FileError(
        f"{path}: unknown kind of file; accepted: {', '.join(SUFFIXES)}, and those of texts also with {GZIP}; of other "
        "kinds, the table saved or exported as CSV"
    )


def open_reader(file: BinaryIO, options: ReadOptions, declared: Format | None = None) -> Reader:
    """A reader of a file, which is left open.

    What a text file is, it shows itself; but a TSV is not told from a CSV of one column by its look.

    Args:
        file: at its beginning.
        options: what they do not say is found out.
        declared: the format that its name says.

    Raises:
        RowsError: it cannot be read.
    """
    if declared and declared.open_binary:
        return declared.open_binary(file, options)
    source = TextFile(file, options.encoding, options.size)
    recognized = next((each for each in FORMATS if each.open_text and each.recognizes(source.sample)), CSV)
    text_format = TSV if recognized is CSV and declared is TSV else recognized
    if text_format.open_text is None:
        raise TypeError(f"{text_format.name} is no text")
    return text_format.open_text(source, options)


def open_table(
    reader: Reader, model_input: TableInput, column_name: str = "", max_text_chars: int = MAX_TEXT_CHARS
) -> Table:
    """The table of a reader, with the columns that a model reads.

    Args:
        reader: of which nothing has been read.
        model_input: what the model reads.
        column_name: of the texts; "" to find it.
        max_text_chars: that a text may have.

    Raises:
        RowsError: there is no row, or not the columns that the model reads.
    """
    rows = reader.rows()
    first_rows = next(in_chunks(rows), [])
    if not first_rows:
        raise RowsError("it has no rows below its header", code="rows_missing")
    if not reader.names:
        raise RowsError(
            f"its first row is {first_rows[0].fault or 'an object without keys'}, and so are those below it"
        )
    sound_rows = [row for row in first_rows if not row.fault] or first_rows
    try:
        extract = model_input.find(reader, sound_rows, column_name, max_text_chars)
    except RowsError as error:
        if not reader.notes:
            raise
        sentence = f"{error}. {' '.join(reader.notes).removesuffix('.')}"
        raise RowsError(sentence, code=error.code, columns=error.columns) from None
    return Table(reader, chain(first_rows, rows), extract)


def open_writer(
    target: Format, reader: Reader, declared: Format | None, added: AddedColumns, encoding: str = ""
) -> Writer:
    """A writer of what `reader` reads, with a prediction's columns added.

    Rows that stay in their format stay as they were written.

    Args:
        target: the format to write.
        reader: of the rows.
        declared: the format that the name of the file says that is read.
        added: the columns that are added.
        encoding: of the text that is written; "" for UTF-8.

    Raises:
        RowsError: the target cannot hold such rows.
    """
    output_encoding = _output_encoding(encoding) if encoding else reader.output_encoding
    if target in (reader.format, declared):
        return reader.writer(added, output_encoding)
    return target.new_writer(reader, added, output_encoding)


def _output_encoding(name: str) -> OutputEncoding:
    """UTF-16 and UTF-32 have a mark, without which nobody could read them."""
    wide = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}
    return OutputEncoding(wide.get(name, name), mark=name in wide)
