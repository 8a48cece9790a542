import pytest
from hypothesis import given, settings

from serving.model.explanation import cut_words
from serving.web.pages.highlights import STRENGTHS, Highlights, Piece
from serving.web.schemas import ExplainedWord, PredictedText
from tests.serving.generated import TEXTS


def answer(text: str, *weights: float | None) -> PredictedText:
    words = cut_words(text)
    assert len(words) == len(weights)
    return PredictedText(
        text=text,
        label="positive",
        probability=0.9,
        probabilities={"negative": 0.1, "positive": 0.9},
        truncated=False,
        explanation=[
            ExplainedWord(word=word.word, start=word.start, end=word.end, weight=weight)
            for word, weight in zip(words, weights, strict=True)
        ],
    )


def test_kinds() -> None:
    shown = Highlights.of(answer("so good but no end ", 0.0, 0.6, 0.004, -0.3, None))
    assert [piece for piece in shown.pieces if piece.kind] == [
        Piece("good", "for", 4, 0.6),
        Piece("no", "against", 3, -0.3),
        Piece("end", "unread"),
    ]
    assert "".join(piece.text for piece in shown.pieces) == "so good but no end "
    assert [word.word for word in shown.tried] == ["so", "good", "but", "no"]
    assert shown.unread == 1


@pytest.mark.parametrize(
    ("weights", "strengths"),
    [((0.8, 0.7, 0.5, 0.1), [4, 4, 3, 1]), ((0.09, 0.05, 0.02, 0.011), [4, 3, 1, 1]), ((0.02, 0.0, 0.0, 0.0), [1])],
)
def test_strengths_are_of_the_weightiest_word(weights: tuple[float, ...], strengths: list[int]) -> None:
    shown = Highlights.of(answer("a b c d", *weights))
    assert [piece.strength for piece in shown.pieces if piece.kind] == strengths
    assert max(strengths) <= STRENGTHS


def test_the_weightiest_words() -> None:
    shown = Highlights.of(answer("a b c d e f", 0.1, 0.4, -0.2, 0.3, 0.2, -0.5))
    assert [word.word for word in shown.speak_for] == ["b", "d", "e"]
    assert [word.word for word in shown.speak_against] == ["f", "c"]


@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_the_pieces_are_the_text(text: str) -> None:
    weights = [(index % 5 - 2) / 4 for index, _ in enumerate(cut_words(text))]
    assert "".join(piece.text for piece in Highlights.of(answer(text, *weights)).pieces) == text
