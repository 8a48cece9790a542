import pytest

from serving.model.types import Prediction
from serving.tables.base import Row
from serving.tables.chunk import Piece, TextOf

FOUND = Prediction("a", 1.0, {"a": 1.0, "b": 0.0}, truncated=False)


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        ("", "no text"),
        (" \u2003\n", "no text"),
        (None, "no text"),
        (float("nan"), "no text"),
        ("x" * 11, "11 characters; at most 10 are accepted"),
        ("caf\udce9", "byte 0xe9 is not UTF-8"),
        ("\ud800", "a lone surrogate is not Unicode text"),
        ({"a": 1}, "not a text"),
    ],
)
def test_what_cannot_be_classified(cell: object, fault: str) -> None:
    assert TextOf(1, limit=10)(Row(["id", cell]))[1] == fault


@pytest.mark.parametrize(
    ("cell", "text"), [("x" * 10, "x" * 10), (0.0, "0.0"), (0, "0"), ("\ufffd 👍🏽", "\ufffd 👍🏽")]
)
def test_what_can(cell: object, text: str) -> None:
    assert TextOf(0, limit=10)(Row([cell])) == (text, "")


def test_a_byte_that_another_encoding_does_not_have() -> None:
    assert TextOf(0, encoding="cp1252")(Row(["caf\ufffd"]))[1] == "a byte is not cp1252"


def test_objects_by_key() -> None:
    text_of = TextOf("tweet")
    assert text_of(Row([{"tweet": "good"}])) == ("good", "")
    assert text_of(Row([{"text": "good"}]))[1] == "no key 'tweet'"


def test_answers_go_to_their_rows() -> None:
    rows = [Row(["good"]), Row([""]), Row(["bad"]), Row(["cut"], fault="1 cell where the header has 2")]
    piece = Piece(rows, TextOf(0))
    assert piece.texts == ["good", "bad"]
    other = Prediction("b", 0.9, {"a": 0.1, "b": 0.9}, truncated=False)
    answered = piece.answered([FOUND, other])
    assert [row for row, _ in answered] == rows
    assert [answer.prediction for _, answer in answered] == [FOUND, None, other, None]
    assert [answer.error for _, answer in answered] == ["", "no text", "", "1 cell where the header has 2"]


def test_a_piece_whose_prediction_failed() -> None:
    piece = Piece([Row(["good"]), Row([""]), Row(["bad"])], TextOf(0))
    assert [answer.error for _, answer in piece.answered([None, FOUND])] == ["the prediction failed", "no text", ""]
