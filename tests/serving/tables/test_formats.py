import io
from pathlib import Path

import pytest

from serving.errors import FileError, RowsError
from serving.tables.base import Format, ReadOptions
from serving.tables.delimited import CSV, TSV
from serving.tables.formats import FORMATS, format_of, open_writer, stream_format
from serving.tables.jsonl import JSONL
from serving.tables.parquet import PARQUET

LABELS = ["no", "yes"]


def test_a_suffix_says_the_format() -> None:
    assert format_of(Path("a.b.CSV")) is CSV
    assert [format_of(Path(f"a{each.suffix}")) for each in FORMATS] == list(FORMATS)
    with pytest.raises(FileError, match=r"a\.txt: unknown kind of file; accepted: \.csv, \.tsv, \.parquet, \.jsonl"):
        format_of(Path("a.txt"))


@pytest.mark.parametrize(("name", "expected"), [("csv", CSV), ("tsv", TSV), ("jsonl", JSONL)])
def test_a_pipe_has_the_format_that_is_named(name: str, expected: Format) -> None:
    assert stream_format(name) is expected


@pytest.mark.parametrize(("name", "shown"), [("", "none"), ("parquet", "parquet"), (".csv", r"\.csv")])
def test_other_formats_of_a_pipe(name: str, shown: str) -> None:
    with pytest.raises(FileError, match=f"a pipe needs --format; accepted: csv, tsv, .*, found: {shown}"):
        stream_format(name)


def test_a_tsv_has_tabs_whatever_is_in_its_header() -> None:
    assert TSV.open_reader(io.BytesIO(b"a,b,c\tn\n1\t2\n"), ReadOptions()).names == ["a,b,c", "n"]
    assert CSV.open_reader(io.BytesIO(b"a,b,c\tn\n1\t2\n"), ReadOptions()).names == ["a", "b", "c\tn"]


@pytest.mark.parametrize("target", FORMATS, ids=lambda target: target.suffix)
def test_only_the_same_format_is_written_as_it_was(target: Format) -> None:
    reader = CSV.open_reader(io.BytesIO(b'"text"\r\ngood\r\n'), ReadOptions())
    writer = open_writer(target, reader, CSV, LABELS)
    assert (writer.header()[:8] == b'"text",l') == (target is CSV)
    assert writer.added_names[0] == "label"


def test_objects_have_no_columns_to_be_written_in() -> None:
    reader = JSONL.open_reader(io.BytesIO(b'{"text": "good"}\n'), ReadOptions())
    assert open_writer(JSONL, reader, JSONL, LABELS).added_names[0] == "label"
    for target in (CSV, PARQUET):
        with pytest.raises(RowsError, match=r"JSONL has no fixed columns, .*; accepted: \.jsonl"):
            open_writer(target, reader, JSONL, LABELS)
