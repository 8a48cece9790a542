import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.errors import RowsError
from serving.model.types import Prediction
from serving.tables.added_columns import RowResult
from serving.tables.base import CHUNK_ROWS, ReadOptions, Row, in_chunks
from serving.tables.parquet import ParquetReader, ParquetWriter

RESULT = RowResult(Prediction("yes", 0.75, {"no": 0.25, "yes": 0.75}, truncated=False))


def test_rows_have_their_types() -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"n": range(CHUNK_ROWS + 1), "text": ["good"] * (CHUNK_ROWS + 1)}), file)
    reader = ParquetReader(file, ReadOptions())
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


def test_pages_one_after_the_other_become_one_file(tmp_path: Path) -> None:
    writer = ParquetWriter([("n", "int64"), ("text", "string")], ["no", "yes"])
    first = writer.page([(Row([1, "a"]), RESULT), (Row([2, None]), RowResult(None, "no text"))])
    second = writer.page([(Row([3, "caf\udce9", "more"]), RowResult(None, "3 cells where the header has 2"))])
    (tmp_path / "pages").write_bytes(writer.header() + first + second)
    table = pq.read_table(writer.finish(tmp_path / "pages")).to_pydict()
    assert list(table) == ["n", "text", "label", "probability", "p_no", "p_yes", "error"]
    assert table["n"] == [1, 2, 3]
    assert table["text"] == ["a", None, "caf\ufffd"]
    assert [table[name][0] for name in ("label", "probability", "p_no", "p_yes")] == ["yes", 0.75, 0.25, 0.75]
    assert table["error"][1:] == ["no text", "3 cells where the header has 2; beyond the last: 'more'"]
