"""Why an answer: each word's weight, found by leaving it out.

Occlusion (Zeiler and Fergus 2014, section 4.2), on words: the "representation erasure" of Li, Monroe and Jurafsky 2016,
https://arxiv.org/abs/1612.08220. What it shows and what it cannot is in docs/explanations.md.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from serving.encoding import Encoded, Encoder
from serving.network import Probabilities
from serving.words import Word, cut_words

STEPS = 16_384
"""Tokens that one explanation's network runs may read together."""

CHARACTERS = 100_000
"""Characters that one explanation's variants may have together."""


@dataclass(frozen=True, slots=True)
class WeighedWord:
    """`text[start:end]`, in Unicode code points, and how much it speaks for the label.

    `weight`: the label's probability less its probability without the word, so from -1 to 1; 0 where leaving the word
    out changes nothing that the network reads; None where it was not tried, as the network does not read that far.
    """

    word: str
    start: int
    end: int
    weight: float | None


class Occlusion:
    """A text, and the variants of it that each lack one word.

    Attributes: `encoded`, what the network has to be run on: first the text, then the variants that differ from it.
    """

    def __init__(self, text: str, encoder: Encoder) -> None:
        (whole,) = encoder.encode([text])
        self._words = cut_words(text)
        self._tried = self._words[: STEPS // len(whole.ids)]
        if whole.truncated and self._tried:
            # What is beyond the cut is left out of every variant, or it would move up as a word before it is left out.
            self._tried = self._tried[: _read(text, self._tried, whole, encoder)]
            text = text[: self._tried[-1].end]
        self._tried = self._tried[: CHARACTERS // max(len(text), 1)]
        variants = encoder.encode([_without(text, word) for word in self._tried])
        self._changed = [not _same(variant, whole) for variant in variants]
        self.encoded = [whole, *(variant for variant, changed in zip(variants, self._changed, strict=True) if changed)]

    def weigh(self, probabilities: Probabilities) -> tuple[WeighedWord, ...]:
        """Every word of the text, in order, given the network's answer to each of `encoded`, (texts, classes)."""
        label = int(probabilities[0].argmax())
        drops = iter((probabilities[0, label] - probabilities[1:, label]).tolist())
        tried: list[float | None] = [next(drops) if changed else 0.0 for changed in self._changed]
        weights = tried + [None] * (len(self._words) - len(tried))
        return tuple(
            WeighedWord(word.word, word.start, word.end, weight)
            for word, weight in zip(self._words, weights, strict=True)
        )


def _without(text: str, word: Word) -> str:
    """A space is left in the word's place, so that its neighbours do not become one word."""
    return f"{text[: word.start]} {text[word.end :]}"


def _read(text: str, words: Sequence[Word], whole: Encoded, encoder: Encoder) -> int:
    """How many of the first words the network reads of a text that is cut: the fewest that encode as all of it."""

    def suffices(count: int) -> bool:
        return _same(encoder.encode([text[: words[count - 1].end]])[0], whole)

    count = 1
    # By doubling, as encoding takes as long as its text, of which the network may read a hundredth.
    while count < len(words) and not suffices(count):
        count = min(2 * count, len(words))
    return bisect_left(range(count), True, lo=count // 2, key=lambda index: suffices(index + 1)) + 1


def _same(one: Encoded, other: Encoded) -> bool:
    return one.ids.tobytes() == other.ids.tobytes()
