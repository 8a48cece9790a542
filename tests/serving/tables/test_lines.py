import io

import pytest

from serving.errors import RowsError
from serving.tables.base import MAX_ROW_CHARS
from serving.tables.lines import read_lines, replace_undecoded, split_end


def test_lines_keep_their_ends() -> None:
    assert list(read_lines(io.StringIO("a\r\n\rb\nc", newline=""))) == ["a\r\n", "\r", "b\n", "c"]


def test_a_line_too_long_to_be_held_is_refused() -> None:
    lines = read_lines(io.StringIO("a\n" + "x" * (MAX_ROW_CHARS + 1)))
    assert next(lines) == "a\n"
    with pytest.raises(RowsError, match="line 2 has more than 1,048,576 characters") as refused:
        next(lines)
    assert refused.value.code == "line_too_long"
    assert len(list(read_lines(io.StringIO("x" * (MAX_ROW_CHARS - 1) + "\n")))) == 1


def test_a_line_end_is_parted() -> None:
    assert split_end("a,b\r\n") == ("a,b", "\r\n")
    assert split_end("a") == ("a", "")


def test_what_was_not_decoded_is_replaced() -> None:
    assert replace_undecoded("caf\udce9 😀") == "caf\ufffd 😀"
