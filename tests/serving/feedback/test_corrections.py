from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from serving.errors import InvalidCursor
from serving.feedback.corrections import Correction, StoredCorrection, read_cursor

GIVEN = Correction("so good", "negative", "positive", "0123456789ab", "irony")


@pytest.mark.parametrize(
    "change", [{"text": "so  good"}, {"label": "neutral"}, {"correct": "x"}, {"model_version": ""}]
)
def test_what_differs_in_this_is_another_correction(change: dict[str, str]) -> None:
    assert replace(GIVEN, **change).id != GIVEN.id


def test_a_note_makes_no_other_correction() -> None:
    assert replace(GIVEN, note="").id == GIVEN.id


def test_where_a_field_ends_is_part_of_what_it_says() -> None:
    assert Correction("a", "bc", "d").id != Correction("ab", "c", "d").id


def test_an_id_is_the_same_tomorrow() -> None:
    assert Correction("né 😀", "a", "b", "c").id == "94ff27c88611ac06b4426cd869b074a8"


@pytest.mark.parametrize(("text", "kept"), [("a\0b", "a\ufffdb"), ("\ud83d", "\ufffd"), ("😀\n\t\x1b", "😀\n\t\x1b")])
def test_what_no_database_takes_is_replaced(text: str, kept: str) -> None:
    assert Correction(text, "a", "b", note=text) == Correction(kept, "a", "b", note=kept)
    assert Correction(text, "a", "b").id == Correction(kept, "a", "b").id


def test_a_cursor_is_read_back() -> None:
    created = datetime(2026, 12, 1, 10, 20, 30, 456789, UTC)
    stored = StoredCorrection(GIVEN.id, created, "a", "b", "c", "", "")
    assert read_cursor(stored.cursor) == (created, GIVEN.id)
    later = replace(stored, created=created + timedelta(microseconds=1))
    assert read_cursor(later.cursor) > read_cursor(stored.cursor)


@pytest.mark.parametrize(
    "cursor", ["", "1", GIVEN.id, f"x-{GIVEN.id}", f"{10**17}-{GIVEN.id}", f"1-{GIVEN.id}\n", "1-a"]
)
def test_what_is_no_cursor(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        read_cursor(cursor)
