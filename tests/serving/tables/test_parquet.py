import io
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.errors import RowsError
from serving.model.types import Prediction
from serving.tables.added_columns import AddedColumns, RowResult
from serving.tables.base import CHUNK_ROWS, ReadOptions, in_chunks
from serving.tables.inputs.text import TEXT_FACTS
from serving.tables.parquet import ParquetReader, ParquetWriter
from serving.tables.text import OutputEncoding
from tests.serving.tables.readers import delimited, jsonl

YES_NO = AddedColumns(["no", "yes"], TEXT_FACTS)
RESULT = RowResult(Prediction("yes", 0.75, {"no": 0.25, "yes": 0.75}, truncated=True, in_vocabulary=0.5))
ADDED = ["label", "probability", "p_no", "p_yes", "truncated", "in_vocabulary", "error"]


def parquet(columns: dict[str, Any]) -> ParquetReader:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return ParquetReader(file, ReadOptions())


def finished(writer: ParquetWriter, pages: list[bytes], folder: Path) -> pa.Table:
    (folder / "pages").write_bytes(writer.header() + b"".join(pages))
    return pq.read_table(writer.finish(folder / "pages"))


def test_rows_have_their_types() -> None:
    reader = parquet({"n": range(CHUNK_ROWS + 1), "text": ["good"] * (CHUNK_ROWS + 1)})
    assert reader.names == ["n", "text"]
    assert reader.progress() == 0
    chunks = list(in_chunks(reader.rows()))
    assert [len(chunk) for chunk in chunks] == [CHUNK_ROWS, 1]
    assert chunks[1][0].cells == [CHUNK_ROWS, "good"]
    assert [reader.cell(chunks[1][0], column) for column in (0, 1)] == [CHUNK_ROWS, "good"]
    assert reader.progress() == 1


def test_what_is_no_parquet() -> None:
    with pytest.raises(RowsError, match="it is not readable as Parquet"):
        ParquetReader(io.BytesIO(b"PAR1 and no more"), ReadOptions())


def test_a_package_that_is_missing_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(RowsError, match=r"this installs it: .+ -m pip install pyarrow") as refused:
        ParquetReader(io.BytesIO(), ReadOptions())
    assert sys.executable in str(refused.value)


def test_pages_one_after_the_other_become_one_file(tmp_path: Path) -> None:
    reader = parquet({"n": [1, 2, 3], "text": ["a", None, "é"]})
    writer = reader.writer(YES_NO, OutputEncoding())
    one, two, three = reader.rows()
    pages = [writer.page([(one, RESULT), (two, RowResult(None, "no text"))]), writer.page([(three, RESULT)])]
    table = finished(writer, pages, tmp_path)
    assert table.column_names == ["n", "text", *ADDED]
    assert [str(table[name].type) for name in ("n", "probability", "truncated")] == ["int64", "double", "bool"]
    columns = table.to_pydict()
    assert (columns["n"], columns["text"]) == ([1, 2, 3], ["a", None, "é"])
    assert [columns[name][0] for name in ADDED] == ["yes", 0.75, 0.25, 0.75, True, 0.5, None]
    assert [columns[name][1] for name in ADDED] == [None] * 6 + ["no text"]


def test_cells_of_a_csv_become_strings(tmp_path: Path) -> None:
    reader = delimited(b"n,text\n1,caf\xe9\n2,so,good\n", encoding="utf-8")
    writer = ParquetWriter(reader, YES_NO, OutputEncoding())
    page = writer.page([(row, RowResult(None, row.fault)) for row in reader.rows()])
    columns = finished(writer, [page], tmp_path).to_pydict()
    assert (columns["n"], columns["text"]) == (["1", "2"], ["caf\ufffd", "so,good"])
    assert columns["error"][1].startswith("3 cells where the header has 2")


def test_values_of_json_are_strings_and_what_is_beyond_is_told(tmp_path: Path) -> None:
    content = b'{"text": "a", "x": 1}\n{"text": true, "x": {"y": [1]}}\n' + b'{"text": "b"}\n' * CHUNK_ROWS
    reader = jsonl(content + b'{"text": null, "late": 1}\n')
    writer = ParquetWriter(reader, YES_NO, OutputEncoding())
    page = writer.page([(row, RowResult(None, "why")) for row in reader.rows()])
    columns = finished(writer, [page], tmp_path).to_pydict()
    assert (columns["text"][:2], columns["text"][-1]) == (["a", "true"], None)
    assert columns["x"][:3] == ["1", '{"y": [1]}', None]
    assert columns["error"][-1] == """why; beyond the last: '{"late": 1}'"""
