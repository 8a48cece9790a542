"""Highlights: what an explained answer shows of the words or fields that led to it."""

from collections.abc import Sequence
from dataclasses import dataclass

from serving.model.explanation import is_punctuation
from serving.model.types import WeighedWord
from serving.web.schemas import Answer

_FAINTEST = 0.01  # one percentage point: with less, nearly every word would have a mark
_FULL = 0.1  # where no word weighs more than this, none is marked as strongly as it could be
_STRENGTHS = 4  # of a mark, each with a class in answer.css
_WEIGHTIEST = 3  # words that are named for the label, and against it


@dataclass(frozen=True, slots=True)
class HighlightedSpan:
    """A run of a text's characters. `kind` is "for", "against", "unread", or "" where there is nothing to mark."""

    text: str
    kind: str = ""
    strength: int = 0
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Highlights:
    """An explained answer as a page shows it.

    `spans` make up the whole text; `weighed` are the words whose weights are known, in order; `speak_for` and
    `speak_against` are the weightiest of them but for punctuation, weightiest first; `unread` counts the words that
    were not tried.
    """

    spans: list[HighlightedSpan]
    weighed: list[WeighedWord]
    speak_for: list[WeighedWord]
    speak_against: list[WeighedWord]
    unread: int

    @classmethod
    def of(cls, answer: Answer) -> "Highlights":
        """Mark an answer that has an explanation."""
        words: Sequence[WeighedWord] = answer["explanation"]
        weighed = [word for word in words if word.weight is not None]
        marked = [word for word in weighed if abs(_weight(word)) >= _FAINTEST]
        reasons = sorted((word for word in marked if not is_punctuation(word.word)), key=_weight)
        return cls(
            spans=_spans(answer["text"], words),
            weighed=weighed,
            speak_for=[word for word in reversed(reasons) if _weight(word) > 0][:_WEIGHTIEST],
            speak_against=[word for word in reasons if _weight(word) < 0][:_WEIGHTIEST],
            unread=len(words) - len(weighed),
        )


def _spans(text: str, words: Sequence[WeighedWord]) -> list[HighlightedSpan]:
    greatest = max((abs(_weight(word)) for word in words), default=0.0)
    spans, end = [], 0
    for word in words:
        spans += [HighlightedSpan(text[end : word.start]), _span(word, max(greatest, _FULL))]
        end = word.end
    spans.append(HighlightedSpan(text[end:]))
    return [span for span in spans if span.text]


def _span(word: WeighedWord, greatest: float) -> HighlightedSpan:
    weight = _weight(word)
    if word.weight is None:
        return HighlightedSpan(word.word, "unread")
    if abs(weight) < _FAINTEST:
        return HighlightedSpan(word.word)
    strength = min(_STRENGTHS, 1 + int(abs(weight) / greatest * _STRENGTHS))
    return HighlightedSpan(word.word, "for" if weight > 0 else "against", strength, weight)


def _weight(word: WeighedWord) -> float:
    return word.weight or 0.0


def marked_fields(answer: Answer) -> list[tuple[Answer, HighlightedSpan]]:
    """The ExplainedFields of an answer, the weightiest first, each with its name marked as a word would be."""
    fields = sorted(answer["explanation"], key=lambda field: abs(field["weight"]), reverse=True)
    greatest = max(abs(fields[0]["weight"]), _FULL)
    return [(field, _span(WeighedWord(field["field"], 0, 0, field["weight"]), greatest)) for field in fields]
