"""Why an answer: each word's weight, found by leaving it out.

Occlusion (Zeiler and Fergus 2014, section 4.2), on words: the "representation erasure" of Li, Monroe and Jurafsky 2016,
https://arxiv.org/abs/1612.08220. What it shows and what it cannot is in docs/explanations.md.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

from serving.model.tokenizer import Encoded, Encoder
from serving.model.types import Probabilities, WeighedWord

# Oniguruma's syntax, the tokenizer's own. Whatever matches goes on (\Y) to where a character as a reader sees it ends
# (an extended grapheme cluster, Unicode Standard Annex 29), so that no accent, skin tone or joined emoji comes apart.
_EXTENDS = r"\p{M}\p{Cf}\p{Emoji_Modifier}"
_LETTER = r"[[\w\p{M}\p{Cf}&&[^\p{Extended_Pictographic}]]\p{Emoji_Modifier}]"
_SPACE = r"[\s\p{Cc}]"
_VISIBLE = r"[^\s\p{Cc}]"
_LINK = rf"(?i:https?://|www\.){_VISIBLE}+|[a-z0-9-]{{1,63}}(?:\.[a-z0-9-]{{1,63}}){{1,8}}/{_VISIBLE}*"
_NAME = rf"[@#＠＃]{_LETTER}+"
_NUMBER = rf"\p{{Nd}}+(?:[.,:]\p{{Nd}}+)+(?!{_LETTER})"
_IDEOGRAPH = rf"\p{{Han}}[{_EXTENDS}]*"
_WORD = rf"(?:(?!\p{{Han}}){_LETTER})+(?:['’-](?:(?!\p{{Han}}){_LETTER})+)*"
# Those that the signs below would not keep whole.
_EMOTICON = rf"\^_+\^|</?3+(?!{_LETTER})|(?<!\w)[:=;]['^]?[-o]?[DdPpbOo3Þ]+(?!{_LETTER})"
# One and the same emoji several times over is one word: leaving out one of them would change next to nothing.
_EMOJI = rf"(?=\p{{Extended_Pictographic}}|\p{{RI}})(\X)(?:\1(?![{_EXTENDS}]))*"
_SIGNS = rf"(?:(?!{_SPACE}|{_LETTER}|{_NAME}|{_EMOTICON}|\p{{Extended_Pictographic}}|\p{{RI}})\X)+"

_ANY = "|".join([_LINK, _NAME, _NUMBER, _EMOTICON, _IDEOGRAPH, _WORD, _EMOJI, _SIGNS, rf"(?!{_SPACE})\X"])
_SPLIT = Split(Regex(rf"(?:{_ANY})(?:\Y\p{{Any}})*"), behavior="removed", invert=True)


@dataclass(frozen=True, slots=True)
class Word:
    """A part of a text: `text[start:end]`, counted in Unicode code points."""

    word: str
    start: int
    end: int


def cut_words(text: str) -> list[Word]:
    """The words of a text, in order: all of it but white space and control characters.

    A word is a run of letters, marks and digits, with apostrophes and hyphens inside it; a link, handle or hashtag; an
    ideograph; an emoji, however it is put together; an emoticon or another run of signs.
    """
    return [Word(word, start, end) for word, (start, end) in _SPLIT.pre_tokenize_str(text)]


STEPS = 16_384
"""Tokens that one explanation's network runs may read together."""

CHARACTERS = 100_000
"""Characters that one explanation's variants may have together."""


class Occlusion:
    """A text, and the variants of it that each lack one word.

    Where the network reads the text's beginning only, what is beyond it is in no variant, and neither is a word that it
    reads a part of: with a word less before them, they would move up into what is read.

    Attributes: `encoded`, what the network has to be run on: the text; the words that are read whole, where another one
    is read in part; and the variants of these that are not read the same as they are.
    """

    def __init__(self, text: str, encoder: Encoder) -> None:
        (whole,) = encoder.encode([text])
        self._words = cut_words(text)
        self._read = len(self._words)
        self._partly = False
        base = whole
        if whole.truncated and self._words:
            self._read, self._partly = _reach(text, self._words[: STEPS // len(whole.ids)], whole, encoder)
            text = text[: self._words[self._read - 1].end]
            (base,) = encoder.encode([text])
        bound = min(self._read, STEPS // len(base.ids), CHARACTERS // max(len(text), 1))
        variants = encoder.encode([_without(text, word) for word in self._words[:bound]])
        self._changed = [not _same(variant, base) for variant in variants]
        changed = [variant for variant, is_changed in zip(variants, self._changed, strict=True) if is_changed]
        self.encoded = [whole, base, *changed] if self._partly else [whole, *changed]

    def weigh(self, probabilities: Probabilities) -> tuple[WeighedWord, ...]:
        """Every word of the text, in order, given the network's answer to each of `encoded`, (texts, classes)."""
        label = int(probabilities[0].argmax())
        whole, *rest = probabilities[:, label].tolist()
        base = rest.pop(0) if self._partly else whole
        without = iter(rest)
        weights: list[float | None] = [base - next(without) if changed else 0.0 for changed in self._changed]
        weights += [None] * (len(self._words) - len(weights))
        if self._partly:
            weights[self._read] = whole - base
        return tuple(
            WeighedWord(word.word, word.start, word.end, weight)
            for word, weight in zip(self._words, weights, strict=True)
        )


def _without(text: str, word: Word) -> str:
    """A space is left in the word's place, so that its neighbours do not become one word."""
    return f"{text[: word.start]} {text[word.end :]}"


def _reach(text: str, words: Sequence[Word], whole: Encoded, encoder: Encoder) -> tuple[int, bool]:
    """How many of the first words the network reads whole, of a text that is cut; whether part of one more.

    A single word that is longer than what the network reads counts as whole.
    """

    def suffices(count: int) -> bool:
        return _same(encoder.encode([text[: words[count - 1].end]])[0], whole)

    count = 1
    # By doubling, as encoding takes as long as its text, of which the network may read a hundredth.
    while count < len(words) and not suffices(count):
        count = min(2 * count, len(words))
    count = min(bisect_left(range(count), True, lo=count // 2, key=lambda index: suffices(index + 1)) + 1, len(words))
    partly = count > 1 and encoder.encode([text[: words[count - 1].end]])[0].truncated
    return count - partly, partly


def _same(one: Encoded, other: Encoded) -> bool:
    return one.ids.tobytes() == other.ids.tobytes()
