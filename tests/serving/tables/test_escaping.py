import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.tables.escaping import cut, harmless, quoted, whole_text, without_end


@given(cells=st.lists(st.text(alphabet="a,\";\t\r\n' é=", max_size=6), min_size=2), delimiter=st.sampled_from(",;\t"))
def test_quoted_cells_are_read_back_with_any_delimiter(cells: list[str], delimiter: str) -> None:
    line = delimiter.join(map(quoted, cells))
    assert next(csv.reader(line.splitlines(keepends=True) and [line], delimiter=delimiter, strict=True)) == cells


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "－1"])
def test_a_formula_becomes_a_text(cell: str) -> None:
    assert harmless(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "positive", "a=b", "1-2", "'=1", "😀"])
def test_other_cells_are_left_alone(cell: str) -> None:
    assert harmless(cell) == cell


def test_a_line_end_is_parted() -> None:
    assert without_end("a,b\r\n") == ("a,b", "\r\n")
    assert without_end("a") == ("a", "")


@pytest.mark.parametrize(
    ("body", "before", "rest"),
    [
        ("a,b,c", "a,b", ",c"),
        ('"a,x","b ""q""",c,d', '"a,x","b ""q"""', ",c,d"),
        ('"a\n,x",b,', '"a\n,x",b', ","),
        (",,", ",", ","),
        ('a "b,c",d,e', 'a "b,c"', ",d,e"),
    ],
)
def test_a_record_is_cut_after_so_many_cells(body: str, before: str, rest: str) -> None:
    assert cut(body, 2, ",") == (before, rest)


@given(st.lists(st.text(alphabet='a,";\t é', max_size=6), min_size=3), st.sampled_from(",;\t"))
def test_the_first_part_of_a_cut_has_the_cells(cells: list[str], delimiter: str) -> None:
    before, rest = cut(delimiter.join(map(quoted, cells)), len(cells) - 1, delimiter)
    assert next(csv.reader([before], delimiter=delimiter), [""]) == cells[:-1]
    assert rest == delimiter + quoted(cells[-1])


def test_what_was_not_decoded_is_replaced() -> None:
    assert whole_text("caf\udce9 😀") == "caf\ufffd 😀"
