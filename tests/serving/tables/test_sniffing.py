import pytest

from serving.errors import RowsError
from serving.tables.sniffing import check_delimiter, check_encoding, guess_column, guess_delimiter, listed, named_column


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("UTF-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("latin-1", "iso8859-1"),
        ("windows-1252", "cp1252"),
        ("UTF-16LE", "utf-16-le"),
        ("Shift_JIS", "shift_jis"),
        ("koi8-r", "koi8-r"),
        ("macintosh", "mac-roman"),
    ],
)
def test_character_sets_are_known_by_their_names(name: str, expected: str) -> None:
    assert check_encoding(name) == expected


@pytest.mark.parametrize("name", ["", "utf-9", "zip", "base64", "rot13", "punycode", "unicode_escape", "idna", "a\0b"])
def test_other_encodings_are_refused(name: str) -> None:
    with pytest.raises(RowsError, match="unknown encoding"):
        check_encoding(name)


@pytest.mark.parametrize(
    ("name", "expected"), [("comma", ","), ("Semicolon ", ";"), ("tab", "\t"), ("\t", "\t"), (";", ";")]
)
def test_delimiters_by_name_and_by_themselves(name: str, expected: str) -> None:
    assert check_delimiter(name) == expected


@pytest.mark.parametrize("name", ["|", "pipe", ",,", " "])
def test_other_delimiters_are_refused(name: str) -> None:
    with pytest.raises(RowsError, match="unknown delimiter"):
        check_delimiter(name)


@pytest.mark.parametrize(
    ("header", "expected"),
    [("text,label\n", ","), ("id;text;label\n", ";"), ("a\tb", "\t"), ("text\n", ","), ('"a;b;c",d\n', ","), ("", ",")],
)
def test_a_header_shows_the_delimiter(header: str, expected: str) -> None:
    assert guess_delimiter(header) == expected


LONG = [["x1", "the train was late again today", "2024-01-01"], ["x2", "and what a lovely day it is", "2024-01-02"]]


@pytest.mark.parametrize(
    ("names", "column"),
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
def test_the_column_of_texts_is_found(names: list[str], column: int) -> None:
    assert guess_column(names, LONG, preferred="mine") == column


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
