"""A text in pieces, each with how much its word speaks for the label, for a page to mark."""

from dataclasses import dataclass

from serving.web.schemas import ExplainedWord, PredictedText

STRENGTHS = 4
"""How many strengths of a mark there are; 4 is the strongest."""

_FAINTEST = 0.01  # one percentage point: with less, nearly every word would have a mark
_FULL = 0.1  # where no word weighs more than this, none is marked as strongly as it could be


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of a text's characters. `kind` is "for", "against", "unread", or "" where there is nothing to mark."""

    text: str
    kind: str = ""
    strength: int = 0
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Highlights:
    """An explained answer as a page shows it.

    `pieces` make up the whole text; `tried` are the words whose weights are known, in order; `speak_for` and
    `speak_against` are the weightiest of them, weightiest first; `unread` counts the words that were not tried.
    """

    pieces: list[Piece]
    tried: list[ExplainedWord]
    speak_for: list[ExplainedWord]
    speak_against: list[ExplainedWord]
    unread: int

    @classmethod
    def of(cls, answer: PredictedText, *, most: int = 3) -> "Highlights":
        tried = [word for word in answer.explanation if word.weight is not None]
        marked = sorted((word for word in tried if abs(_weight(word)) >= _FAINTEST), key=_weight)
        return cls(
            pieces=_pieces(answer),
            tried=tried,
            speak_for=[word for word in reversed(marked) if _weight(word) > 0][:most],
            speak_against=[word for word in marked if _weight(word) < 0][:most],
            unread=len(answer.explanation) - len(tried),
        )


def _pieces(answer: PredictedText) -> list[Piece]:
    greatest = max((abs(_weight(word)) for word in answer.explanation), default=0.0)
    pieces, end = [], 0
    for word in answer.explanation:
        pieces += [Piece(answer.text[end : word.start]), _piece(word, max(greatest, _FULL))]
        end = word.end
    pieces.append(Piece(answer.text[end:]))
    return [piece for piece in pieces if piece.text]


def _piece(word: ExplainedWord, greatest: float) -> Piece:
    weight = _weight(word)
    if word.weight is None:
        return Piece(word.word, "unread")
    if abs(weight) < _FAINTEST:
        return Piece(word.word)
    strength = min(STRENGTHS, 1 + int(abs(weight) / greatest * STRENGTHS))
    return Piece(word.word, "for" if weight > 0 else "against", strength, weight)


def _weight(word: ExplainedWord) -> float:
    return word.weight or 0.0
