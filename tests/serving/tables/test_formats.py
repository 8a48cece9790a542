import io
from pathlib import Path

import pytest

from serving.errors import FileError, RowsError
from serving.tables.formats import CSV, JSONL, PARQUET, TSV, kind_of, open_reader, open_writer
from serving.tables.writers import NewDelimited, NewJsonLines, NewParquet, SameDelimited, SameJsonLines

LABELS = ["no", "yes"]


def test_a_suffix_is_a_kind() -> None:
    assert kind_of(Path("a.b.CSV")) == CSV
    with pytest.raises(FileError, match=r"a\.txt: unknown kind of file; accepted: \.csv, \.tsv, \.parquet, \.jsonl"):
        kind_of(Path("a.txt"))


def test_a_tsv_has_tabs_whatever_is_in_its_header() -> None:
    reader = open_reader(io.BytesIO(b"a,b,c\tn\n1\t2\n"), TSV)
    assert [name for name, _ in reader.columns] == ["a,b,c", "n"]


@pytest.mark.parametrize(
    ("kind", "writer"), [(CSV, SameDelimited), (TSV, NewDelimited), (JSONL, NewJsonLines), (PARQUET, NewParquet)]
)
def test_only_the_same_kind_is_written_as_it_was(kind: str, writer: type) -> None:
    reader = open_reader(io.BytesIO(b"text\ngood\n"), CSV)
    assert isinstance(open_writer(kind, reader, CSV, LABELS), writer)


def test_objects_have_no_columns_to_be_written_in() -> None:
    reader = open_reader(io.BytesIO(b'{"text": "good"}\n'), JSONL)
    assert isinstance(open_writer(JSONL, reader, JSONL, LABELS), SameJsonLines)
    with pytest.raises(RowsError, match=r"cannot be \.csv; accepted: \.jsonl"):
        open_writer(CSV, reader, JSONL, LABELS)


def test_objects_need_distinct_names() -> None:
    reader = open_reader(io.BytesIO(b"text,text\na,b\n"), CSV)
    with pytest.raises(RowsError, match="columns of distinct names; found: 'text', 'text'"):
        open_writer(JSONL, reader, CSV, LABELS)
