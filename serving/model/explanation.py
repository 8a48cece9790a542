"""Explanation by occlusion: each word's weight is what the answer loses without it.

Zeiler and Fergus 2014, section 4.2, on words: the "representation erasure" of Li, Monroe and Jurafsky 2016,
https://arxiv.org/abs/1612.08220. What it shows and what it cannot is in docs/explanations.md.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from unicodedata import category

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
# A reference to a character (WHATWG HTML, section 13.5): Twitter's own data has &lt; and &amp; in its texts.
_ENTITY = r"&(?:[A-Za-z][A-Za-z0-9]{1,31}|#[0-9]{1,7}|#[Xx][0-9A-Fa-f]{1,6});"
_APOSTROPHE = r"(?:['’-]|&(?:apos|rsquo|#0{0,4}39|#[Xx]27);)"
_IDEOGRAPH = r"(?=\p{Han})\X"
_WORD = rf"(?:(?!\p{{Han}}){_LETTER})+(?:{_APOSTROPHE}(?:(?!\p{{Han}}){_LETTER})+)*"
# Those that the signs below would not keep whole.
_EMOTICON = rf"\^_+\^|(?:<|&lt;)/?3+(?!{_LETTER})|(?<!\w)[:=;]['^]?[-o]?[DdPpbOo3Þ]+(?!{_LETTER})"
# One and the same emoji several times over is one word: leaving out one of them would change next to nothing.
_EMOJI = rf"(?=\p{{Extended_Pictographic}}|\p{{RI}})(\X)(?:\1(?![{_EXTENDS}]))*"
_SIGN = rf"(?!{_SPACE}|{_LETTER}|{_NAME}|{_EMOTICON}|\p{{Extended_Pictographic}}|\p{{RI}})(?:{_ENTITY}|\X)"
_SIGNS = rf"(?:{_SIGN})+"

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
    ideograph; an emoji, however it is put together; an emoticon or another run of signs. An HTML entity is the
    character that it stands for.
    """
    return [Word(word, start, end) for word, (start, end) in _SPLIT.pre_tokenize_str(text)]


# Of signs alone, after entities are resolved: eyes and a mouth, in either order, or a mouth between two eyes.
_FACE = re.compile(r"[:;=][-'^]?[()\[\]{}/\\|*]|[()\[\]{}][-'^]?[:;=]|[-^><*~][_.]+[-^><*~]|\^\^")


def is_punctuation(word: str) -> bool:
    """Whether a word of `cut_words` is punctuation alone: signs that are neither a picture nor an emoticon."""
    signs = unescape(word)
    return all(_is_sign(character) for character in signs) and not _FACE.search(signs)


def _is_sign(character: str) -> bool:
    if character.isascii():
        return not character.isalnum()
    return category(character)[0] in "PZ"


MAX_STEPS = 16_384  # tokens that one explanation's network runs may read together
MAX_CHARS = 100_000  # characters that one explanation's variants may have together


class Occlusion:
    """A text, and the variants of it that each lack one word.

    Where the network reads the text's beginning only, what is beyond it is in no variant, and neither is a word that it
    reads a part of: with a word less before them, they would move up into what is read.

    Args:
        text: to be explained.
        encoder: the model's.

    Attributes:
        encoded: what the network has to be run on: the text; the words before one that is read in part, where there is
            such a one; and the variants of these that are not read the same as they are.
    """

    def __init__(self, text: str, encoder: Encoder) -> None:
        (encoded_text,) = encoder.encode([text])
        self._words = cut_words(text)
        self._words_read = len(self._words)
        self._reads_part = False
        base = encoded_text
        if encoded_text.truncated and self._words:
            max_words = MAX_STEPS // len(encoded_text.ids)
            self._words_read, self._reads_part = _reach(text, self._words[:max_words], encoded_text, encoder)
            text = text[: self._words[self._words_read - 1].end]
            (base,) = encoder.encode([text])
        tried = min(self._words_read, MAX_STEPS // len(base.ids), MAX_CHARS // max(len(text), 1))
        variants = encoder.encode([_leave_out(word, text) for word in self._words[:tried]])
        self._changed = [not _same(variant, base) for variant in variants]
        changed = [variant for variant, is_changed in zip(variants, self._changed, strict=True) if is_changed]
        self.encoded = [encoded_text, *([base] if self._reads_part else []), *changed]

    def weigh(self, probabilities: Probabilities) -> tuple[WeighedWord, ...]:
        """Every word of the text, in order.

        Args:
            probabilities: the network's answer to each of `encoded`, (texts, classes).
        """
        label = int(probabilities[0].argmax())
        of_text, *of_variants = probabilities[:, label].tolist()
        of_base = of_variants.pop(0) if self._reads_part else of_text
        variant = iter(of_variants)
        weights: list[float | None] = [of_base - next(variant) if changed else 0.0 for changed in self._changed]
        weights += [None] * (len(self._words) - len(weights))
        if self._reads_part:
            weights[self._words_read] = of_text - of_base
        return tuple(
            WeighedWord(word.word, word.start, word.end, weight)
            for word, weight in zip(self._words, weights, strict=True)
        )


def _leave_out(word: Word, text: str) -> str:
    """A space is left in the word's place, so that its neighbours do not become one word."""
    return f"{text[: word.start]} {text[word.end :]}"


def _reach(text: str, words: Sequence[Word], encoded_text: Encoded, encoder: Encoder) -> tuple[int, bool]:
    """How much the network reads of a text that is cut.

    Returns:
        How many of the first words are read to their ends, and whether a part of one more is. A single word that is
        longer than what the network reads counts as read.
    """

    def suffices(count: int) -> bool:
        return _same(encoder.encode([text[: words[count - 1].end]])[0], encoded_text)

    count = 1
    # By doubling, as encoding takes as long as its text, of which the network may read a hundredth.
    while count < len(words) and not suffices(count):
        count = min(2 * count, len(words))
    count = min(bisect_left(range(count), True, lo=count // 2, key=lambda index: suffices(index + 1)) + 1, len(words))
    reads_part = count > 1 and encoder.encode([text[: words[count - 1].end]])[0].truncated
    return count - reads_part, reads_part


def _same(one: Encoded, other: Encoded) -> bool:
    return one.ids.tobytes() == other.ids.tobytes()
