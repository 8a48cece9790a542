import io
from collections.abc import Iterator, Sequence

import pytest

from serving.errors import RowsError
from serving.tables.base import MAX_ROW_CHARS, ReadOptions, Row, Writer
from serving.tables.text import TextReader, split_end


class LineReader(TextReader):
    """A row for each line."""

    def rows(self) -> Iterator[Row]:
        return (Row([line]) for line in self.lines())

    def writer(self, labels: Sequence[str]) -> Writer:
        raise NotImplementedError


def reader(content: bytes, encoding: str = "utf-8", size: int | None = None) -> LineReader:
    return LineReader(io.BytesIO(content), ReadOptions(encoding, size=size))


def test_lines_keep_their_ends() -> None:
    assert list(reader(b"a\r\n\rb\nc").lines()) == ["a\r\n", "\r", "b\n", "c"]


def test_a_byte_order_mark_is_kept_apart() -> None:
    marked = reader("\ufeffa\n\ufeffb".encode())
    assert list(marked.lines()) == ["a\n", "\ufeffb"]
    assert marked.byte_order_mark == "\ufeff"
    unmarked = reader("a".encode("utf-16"), "utf-16")
    assert list(unmarked.lines()) == ["a"]
    assert unmarked.byte_order_mark == ""


@pytest.mark.parametrize(("encoding", "decoded"), [("utf-8", "caf\udc81"), ("cp1252", "caf\ufffd")])
def test_bytes_of_another_encoding_are_kept(encoding: str, decoded: str) -> None:
    assert list(reader(b"caf\x81", encoding).lines()) == [decoded]


def test_a_line_too_long_to_be_held_is_refused() -> None:
    lines = reader(b"a\n" + b"x" * (MAX_ROW_CHARS + 1)).lines()
    assert next(lines) == "a\n"
    with pytest.raises(RowsError, match="line 2 has more than 1,048,576 characters") as refused:
        next(lines)
    assert refused.value.code == "line_too_long"
    assert len(list(reader(b"x" * (MAX_ROW_CHARS - 1) + b"\n").lines())) == 1


def test_how_much_has_been_read() -> None:
    content = b"good\n" * 10_000
    known = reader(content, size=len(content))
    shares = [known.progress() or 0.0 for _ in known.rows()]
    assert shares == sorted(shares)
    assert 0 < shares[0] < 1 == shares[-1]
    assert reader(content).progress() is None


def test_a_line_end_is_parted() -> None:
    assert split_end("a,b\r\n") == ("a,b", "\r\n")
    assert split_end("a") == ("a", "")
