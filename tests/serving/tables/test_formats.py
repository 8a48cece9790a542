import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.errors import FileError, RowsError
from serving.tables.added_columns import AddedColumns
from serving.tables.base import CHUNK_ROWS, Format, ReadOptions
from serving.tables.delimited import CSV, TSV
from serving.tables.formats import FORMATS, STREAMS, SUFFIXES, format_of, open_reader, open_table, open_writer
from serving.tables.inputs.text import TEXT_FACTS, TextColumn
from serving.tables.jsonl import JSONL
from serving.tables.parquet import PARQUET
from tests.serving.tables.readers import any_text

TEXT = TextColumn(["no", "yes"], "text")
YES_NO = AddedColumns(["no", "yes"], TEXT_FACTS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.b.CSV", CSV),
        ("a.txt", CSV),
        ("a.tsv", TSV),
        ("a.jsonl", JSONL),
        ("a.ndjson", JSONL),
        ("a.json", JSONL),
        ("a.parquet", PARQUET),
        ("a.csv.gz", CSV),
        ("a.jsonl.GZ", JSONL),
    ],
)
def test_a_suffix_says_the_format(name: str, expected: Format) -> None:
    assert format_of(Path(name)) is expected


@pytest.mark.parametrize("name", ["a.xlsx", "a", "a.gz", "a.csv.zip", "a.parquet.gz"])
def test_other_suffixes_are_refused(name: str) -> None:
    accepted = r"accepted: \.jsonl, \.ndjson, \.json, \.csv, \.txt, \.tsv, \.parquet, and those of texts also with \.gz"
    with pytest.raises(FileError, match=f"{name}: unknown kind of file; {accepted}"):
        format_of(Path(name))


def test_a_pipe_can_have_any_format_of_text() -> None:
    assert STREAMS == {"jsonl": JSONL, "csv": CSV, "tsv": TSV}
    assert len(set(SUFFIXES)) == len(SUFFIXES)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"id,text\n1,good\n", CSV),
        (b"id|text\n1|good\n", CSV),
        (b"id\ttext\n1\tgood\n", TSV),
        (b'{"text": "good"}\n', JSONL),
        (b'broken\n{"text": "good"}\n', JSONL),
        ('{"text": "good"}\n'.encode("utf-16"), JSONL),
    ],
)
@pytest.mark.parametrize("declared", [None, CSV, JSONL])
def test_a_text_file_shows_what_it_is(content: bytes, expected: Format, declared: Format | None) -> None:
    assert open_reader(io.BytesIO(content), ReadOptions(), declared).format is expected


def test_a_tsv_has_tabs_whatever_is_in_its_header() -> None:
    file = io.BytesIO(b"a,b,c\tn\n1\t2\n")
    assert open_reader(file, ReadOptions(), TSV).names == ["a,b,c", "n"]
    file = io.BytesIO(b"text\nso, good\n")
    assert open_reader(file, ReadOptions(), TSV).format is TSV
    file = io.BytesIO(b"id,text\n1,good\n")
    assert open_reader(file, ReadOptions(), TSV).names == ["id", "text"], "for it has no tab at all"


def test_a_parquet_file_is_told_by_its_name() -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"text": ["good"]}), file)
    assert open_reader(file, ReadOptions(), PARQUET).format is PARQUET
    file.seek(0)
    with pytest.raises(RowsError, match="it is a Parquet file, not CSV"):
        open_reader(file, ReadOptions())


@pytest.mark.parametrize(
    ("content", "column_name", "expected"),
    [
        (b"id,tweet\n1,good\n", "", "tweet"),
        (b"id,tweet\n1,good\n", "id", "id"),
        (b"id,mine,tweet\n1,good,bad\n", "", "mine"),
        (b"1,I love it\n2,so bad\n", "", "column_2"),
        (b'{"id": 1, "text": "good"}\n', "", "text"),
    ],
)
def test_the_column_of_texts_is_named_or_found(content: bytes, column_name: str, expected: str) -> None:
    table = open_table(any_text(content), TextColumn(["no", "yes"], "mine"), column_name)
    assert table.extract.text_name == expected


def test_a_table_has_every_row_once() -> None:
    table = open_table(any_text(b"id,text\n" + b"1,good\n" * (CHUNK_ROWS + 5)), TEXT)
    assert len(list(table.rows)) == CHUNK_ROWS + 5


def test_a_row_with_a_fault_does_not_help_to_find_it() -> None:
    content = b'broken\n{"delete": {"id": 1}}\n{"n": 1, "said": "so good today"}\n'
    assert open_table(any_text(content), TEXT).extract.text_name == "said"


def test_where_every_row_has_a_fault_it_is_found_all_the_same() -> None:
    table = open_table(any_text(b"text,label\ngood\nbad\n"), TEXT)
    name, faults = table.extract.text_name, [row.fault for row in table.rows]
    assert [name, *faults] == ["text"] + ["1 cell where the header has 2"] * 2


@pytest.mark.parametrize(
    ("content", "fault"),
    [(b'{"text": "broken off', "its first row is not a JSON object"), (b"{}\n", "an object without keys")],
)
@pytest.mark.parametrize("column_name", ["", "text"])
def test_objects_without_a_key_are_no_table(content: bytes, fault: str, column_name: str) -> None:
    with pytest.raises(RowsError, match=fault):
        open_table(any_text(content), TEXT, column_name)


@pytest.mark.parametrize(
    ("content", "column_name", "code"),
    [
        (b"text\n", "", "rows_missing"),
        (b"id,text\n\n\n", "text", "rows_missing"),
        (b"a,b\nx,y\n", "", "text_column_unclear"),
        (b"a,b\nx,y\n", "c", "text_column_unknown"),
    ],
)
def test_a_table_without_rows_or_texts_is_refused(content: bytes, column_name: str, code: str) -> None:
    with pytest.raises(RowsError) as refused:
        open_table(any_text(content, header="true"), TEXT, column_name)
    assert refused.value.code == code
    assert refused.value.columns == (["a", "b"] if code != "rows_missing" else ())


@pytest.mark.parametrize("target", FORMATS, ids=lambda target: target.name)
def test_only_the_same_format_is_written_as_it_was(target: Format) -> None:
    reader = any_text(b'id,"text"\r\n1,good\r\n')
    writer = open_writer(target, reader, CSV, YES_NO)
    assert (writer.header()[:11] == b'id,"text",l') == (target is CSV)


def test_a_file_that_its_name_says_is_a_tsv_stays_as_it_was() -> None:
    reader = open_reader(io.BytesIO(b'"text"\r\ngood\r\n'), ReadOptions(), TSV)
    assert open_writer(TSV, reader, TSV, YES_NO).header().startswith(b'"text"\tlabel\t')


@pytest.mark.parametrize("target", FORMATS, ids=lambda target: target.name)
def test_objects_are_written_to_every_format(target: Format) -> None:
    reader = any_text(b'{"text": "good"}\n')
    assert open_writer(target, reader, JSONL, YES_NO).added_names[0] == "label"


@pytest.mark.parametrize(
    ("encoding", "beginning"),
    [
        ("", b"\xef\xbb\xbfid"),
        ("utf-8", b"id"),
        ("iso8859-1", b"id"),
        ("utf-16", b"\xff\xfei\0"),
        ("utf-32", b"\xff\xfe\0\0i\0"),
        ("utf-16-be", b"\0i\0d"),
    ],
)
def test_a_named_encoding_is_written(encoding: str, beginning: bytes) -> None:
    reader = any_text(b"\xef\xbb\xbfid,text\n1,good\n")
    assert open_writer(CSV, reader, CSV, YES_NO, encoding).header().startswith(beginning)
