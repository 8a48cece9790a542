import pytest

from serving.errors import RowsError
from serving.rows.column import guess_column, listed, named_column

LONG = [["x1", "the train was late again today", "2024-01-01"], ["x2", "and what a lovely day it is", "2024-01-02"]]


@pytest.mark.parametrize(
    ("names", "place"),
    [
        (["anything"], 0),
        (["id", "Tweet", "label"], 1),
        (["text", "tweet"], 0),
        (["id", "mine", "text"], 1),
        (["id", " Text ", "date"], 1),
        (["id", "what they wrote", "date"], 1),
        (["text", "quelle phrase", "text"], 1),
    ],
)
def test_the_column_of_texts_is_found(names: list[str], place: int) -> None:
    assert guess_column(names, LONG, preferred="mine") == place


@pytest.mark.parametrize(
    "rows",
    [
        [["one two three", "four five six", "x"]],
        [["xxxxxxxxxxxxxxxxxxxxxxxxx", "a", "b"]],
        [["", "", ""]],
        [],
    ],
)
def test_what_is_not_clear_is_asked_for(rows: list[list[str]]) -> None:
    with pytest.raises(RowsError, match="not clear which column holds the texts; found: 'a', 'b', 'c'; name one"):
        guess_column(["a", "b", "c"], rows, preferred="text")


def test_columns_of_one_name_cannot_be_told_apart_by_it() -> None:
    with pytest.raises(RowsError, match="found: 'text', 'text'; give each column a name of its own"):
        guess_column(["text", "text"], [["a b", "c d"]], preferred="text")


def test_a_named_column_must_be_there_once() -> None:
    assert named_column("b", ["a", "b"], "name another") == 1
    with pytest.raises(RowsError, match="no column 'c'; found: 'a', 'b'; name another"):
        named_column("c", ["a", "b"], "name another")
    with pytest.raises(RowsError, match="2 columns 'a'"):
        named_column("a", ["a", "a"], "name another")


def test_a_list_of_many_names_ends() -> None:
    assert listed([str(number) for number in range(1030)]).endswith("'19' and 1,010 more")
