from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import RowsError
from serving.tables.columns import (
    holds_plain_values,
    is_plain_value,
    listed,
    loose_name,
    mean_words,
    named_column,
    numbered,
    text_column,
    words_of,
)

BIO = "Father of three, lover of dogs and of very long walks by the sea"


def test_looks_of_a_name_do_not_count() -> None:
    names = ["hours-per-week", " Hours per week ", "HOURS_PER-WEEK", "hours per\u00a0week"]
    assert [loose_name(name) == "hours per week" for name in names] == [True, True, True, False]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Tweet.userName_2", ["tweet", "user", "name", "2"]),
        ("tweet_text", ["tweet", "text"]),
        ("fullText", ["full", "text"]),
        ("HTMLText", ["html", "text"]),
        ("user.description", ["user", "description"]),
        ("Tweet Id", ["tweet", "id"]),
        (" TEXT ", ["text"]),
        ("größeText", ["größe", "text"]),
        ("", []),
        ("...", []),
    ],
)
def test_a_name_is_split_into_words(name: str, words: list[str]) -> None:
    assert words_of(name) == words


@pytest.mark.parametrize(
    "cell",
    [
        "1",
        "-1.5",
        "1,000",
        "1e6",
        " 12 ",
        "$3.50",
        "99%",
        "1234567890123456789",
        "2020-01-01",
        "2020-01-01 10:00 +0000",
        "2020-01-01T10:00:00.000Z",
        "01/02/2020",
        "1.2.20",
        "10:30",
        "10:30:05 PM",
        "Mon Apr 06 22:19:45 PDT 2009",
        "6 April 2009",
        "Apr 6, 2009",
        "https://t.co/aB1",
        "https://a.b/c https://a.b/d",
        "www.example.com/x",
        "pic.twitter.com/abc",
        "1.2K",
        "3M",
        "[40.1, -74.2]",
        "(40.71,-74.0)",
    ],
)
def test_numbers_dates_and_links_are_plain_values(cell: str) -> None:
    assert is_plain_value(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "good",
        "so good https://t.co/aB1",
        "100 days of code",
        "May be",
        "Monday is the worst",
        "Monday 5 things that I hate about the start of a week",
        "1st",
        "[40, I think]",
        "https://" * 5_000 + " x",  # in less than a lifetime
        "1" + " " * 100_000 + "x",
    ],
)
def test_others_are_not(cell: str) -> None:
    assert not is_plain_value(cell)


def test_a_column_holds_values_where_nearly_all_cells_do() -> None:
    assert holds_plain_values(["1", "2", "", "3", "4", "n/a"])
    assert not holds_plain_values(["1", "two", "3"])
    assert not holds_plain_values(["", " "])


def test_words_are_counted_in_every_script() -> None:
    assert mean_words(["one two", "", "three"]) == 1.5
    assert mean_words(["今日はとても良い天気です"]) == 6
    assert mean_words([" "]) == 0


def test_columns_without_a_name_are_numbered() -> None:
    assert numbered(["id", "", "text", ""]) == ["id", "column_2", "text", "column_4"]


TWEETS = ["I love it", "so bad today", "what a day it was"]
BIOS = [f"{BIO} {number}" for number in range(3)]
FOUND = {
    "a bio that is longer": ({"user_description": BIOS, "tweet_text": TWEETS}, "tweet_text"),
    "a bio of a nested object": (
        {"id": ["1", "2", "3"], "full_text": TWEETS, "user.description": BIOS},
        "full_text",
    ),
    "a bio under its own name": ({"Tweet Id": ["1", "2", "3"], "Tweet Text": TWEETS, "Bio": BIOS}, "Tweet Text"),
    "ids under the name of texts": ({"Tweet": ["12", "34", "56"], "Tweet text": TWEETS}, "Tweet text"),
    "Twitter Analytics": (
        {
            "Tweet id": ["1", "2", "3"],
            "Tweet permalink": [f"https://twitter.com/a/status/{number}" for number in range(3)],
            "Tweet text": TWEETS,
            "time": ["2020-01-01 10:00 +0000"] * 3,
        },
        "Tweet text",
    ),
    "camel case": ({"userName": ["a", "b", "c"], "tweetText": TWEETS, "userBio": BIOS}, "tweetText"),
    "the model's own name": ({"tweet": TWEETS, " Mine ": BIOS}, " Mine "),
    "the model's own name in another case": ({"tweet": TWEETS, "MINE": TWEETS}, "MINE"),
    "short texts by their name": ({"label": ["a", "b", "c"], "review": ["good", "bad", ""]}, "review"),
    "sentences": ({"nr": ["1", "2", "3"], "wer": ["a", "b", "c"], "was": TWEETS}, "was"),
    "sentences beside few topics": ({"about": ["the new phone"] * 4, "said": [*TWEETS, "fine by me"]}, "said"),
    "one column": ({"anything": ["good", "bad", "so so"]}, "anything"),
    "one column by another name": ({"user": ["good day", "bad day", "so so"]}, "user"),
    "without names": ({"column_1": ["1", "2", "3"], "column_2": TWEETS, "column_3": ["pos", "neg", "pos"]}, "column_2"),
}


def rows_of(columns: dict[str, list[str]]) -> list[list[str]]:
    return [list(row) for row in zip(*columns.values(), strict=True)]


@pytest.mark.parametrize(("columns", "expected"), FOUND.values(), ids=FOUND)
def test_the_column_of_texts_is_found(columns: dict[str, list[str]], expected: str) -> None:
    names = list(columns)
    assert names[text_column(names, rows_of(columns), preferred="mine")] == expected


UNCLEAR = {
    "two names of texts": {"comment": TWEETS, "review": TWEETS},
    "two columns of sentences": {"a": TWEETS, "b": BIOS},
    "the bio alone": {"id": ["1", "2", "3"], "bio": BIOS},
    "no sentence": {"a": ["x", "y", "z"], "b": ["good", "bad", "ugly"]},
    "sentences that come again": {"a": ["the new phone of theirs"] * 4, "b": [*TWEETS, "fine by me"]},
    "numbers alone": {"text": ["1", "2", "3"]},
    "nothing": {"text": ["", " ", ""], "b": ["", "", ""]},
}


@pytest.mark.parametrize("columns", UNCLEAR.values(), ids=UNCLEAR)
def test_what_is_not_clear_is_asked_for(columns: dict[str, list[str]]) -> None:
    names = list(columns)
    with pytest.raises(RowsError, match=r"not clear which column holds the texts; found: .*; name one") as unclear:
        text_column(names, rows_of(columns), preferred="mine")
    assert unclear.value.code == "text_column_unclear"
    assert unclear.value.columns == names
    assert listed(names) in str(unclear.value)


def test_values_of_any_type_are_looked_at() -> None:
    rows: list[list[Any]] = [[1, None, {"a": "one two three"}, "so good today"], [2.5, True, [1], None]]
    assert text_column(["a", "b", "c", "d"], rows, preferred="mine") == 3


def test_columns_of_one_name_cannot_be_told_apart_by_it() -> None:
    with pytest.raises(RowsError, match="found: 'text', 'text'; give each column a name of its own"):
        text_column(["text", "text"], [["a b c", "c d e"]], preferred="text")


@given(st.lists(st.sampled_from(["id", "date", "user", "bio", "text", "score", "", "tweet id"]), min_size=1), st.data())
def test_a_column_of_another_kind_is_never_taken(names: list[str], data: st.DataObject) -> None:
    """Where there are others."""
    cells = st.sampled_from(["1", "2020-01-01", "https://t.co/x", BIO, "so good", ""])
    rows = data.draw(st.lists(st.lists(cells, min_size=len(names), max_size=len(names)), max_size=5))
    try:
        name = names[text_column(names, rows, preferred="text")]
    except RowsError:
        return
    assert len(names) == 1 or name in ("text", "score", "")


def test_a_named_column_must_be_there_once() -> None:
    assert named_column("b", ["a", "b"]) == 1
    assert named_column(" b", ["a", "b "]) == 1
    with pytest.raises(RowsError, match="no column is called 'c'; found: 'a', 'b'; name another") as unknown:
        named_column("c", ["a", "b"])
    assert (unknown.value.code, unknown.value.columns) == ("text_column_unknown", ["a", "b"])
    with pytest.raises(RowsError, match="2 columns are called 'a'"):
        named_column("a", ["a", "a"])


def test_a_column_can_be_named_by_its_place() -> None:
    assert named_column("column_2", ["a", "b"]) == 1
    assert named_column("column_2", ["column_2", "b"]) == 0
    with pytest.raises(RowsError, match="no column is called 'column_3'"):
        named_column("column_3", ["a", "b"])


def test_an_error_shows_other_names_where_it_may_not_show_these() -> None:
    names, shown_names = ["I love it", "so bad"], ["column_1", "column_2"]
    with pytest.raises(RowsError, match="found: 'column_1', 'column_2'; name one") as unclear:
        text_column(names, [TWEETS[:2], BIOS[:2]], "mine", shown_names)
    with pytest.raises(RowsError, match="found: 'column_1', 'column_2'; name another") as unknown:
        named_column("c", names, shown_names)
    assert unclear.value.columns == unknown.value.columns == shown_names


def test_a_list_of_many_names_ends() -> None:
    assert listed([str(number) for number in range(1030)]).endswith("'19' and 1,010 more")
