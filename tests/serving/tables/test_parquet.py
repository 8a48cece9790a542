import io
from pathlib import Path

import pandas as pd
import pytest

from serving.errors import RowsError
from serving.tables.base import CHUNK
from serving.tables.parquet import ArrowPages, ParquetReader


def test_rows_come_in_chunks_with_their_types() -> None:
    file = io.BytesIO()
    pd.DataFrame({"n": range(CHUNK + 1), "text": ["good"] * (CHUNK + 1)}).to_parquet(file)
    reader = ParquetReader(file)
    assert [name for name, _ in reader.columns] == ["n", "text"]
    chunks = list(reader.chunks())
    assert [len(chunk) for chunk in chunks] == [CHUNK, 1]
    assert chunks[1][0].cells == [CHUNK, "good"]
    assert reader.done() == 1.0


def test_what_is_no_parquet() -> None:
    with pytest.raises(RowsError, match="it is not readable as Parquet"):
        ParquetReader(io.BytesIO(b"PAR1 and no more"))


def test_pages_one_after_the_other_become_one_file(tmp_path: Path) -> None:
    pages = ArrowPages([("n", "int64"), ("text", "string")])
    (tmp_path / "pages").write_bytes(pages.page([[1, "a"], [2, None]]) + pages.page([[3, "caf\udce9"]]))
    pages.to_parquet(tmp_path / "pages", tmp_path / "out.parquet")
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert found.n.tolist() == [1, 2, 3]
    assert found.text[0] == "a"
    assert found.text.isna().tolist() == [False, True, False]
    assert found.text[2] == "caf\ufffd"
