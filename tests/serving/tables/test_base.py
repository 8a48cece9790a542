from serving.tables.base import CHUNK_CHARS, CHUNK_ROWS, Row, in_chunks


def test_rows_come_in_chunks_in_order() -> None:
    rows = [Row([number]) for number in range(2 * CHUNK_ROWS + 1)]
    chunks = list(in_chunks(rows))
    assert [len(chunk) for chunk in chunks] == [CHUNK_ROWS, CHUNK_ROWS, 1]
    assert [row for chunk in chunks for row in chunk] == rows
    assert [len(chunk) for chunk in in_chunks(rows[:5], max_rows=2)] == [2, 2, 1]


def test_no_more_is_read_than_the_chunk_has() -> None:
    rows = iter([Row([number]) for number in range(5)])
    assert next(in_chunks(rows, 2)) == [Row([0]), Row([1])]
    assert next(in_chunks(rows, 2)) == [Row([2]), Row([3])]


def test_long_rows_come_in_short_chunks() -> None:
    long = Row(["x"], before="x" * (CHUNK_CHARS // 4))
    assert [len(chunk) for chunk in in_chunks([long] * 9)] == [4, 4, 1]


def test_no_rows_are_no_chunk() -> None:
    assert list(in_chunks([])) == []
