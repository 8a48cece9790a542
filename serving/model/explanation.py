"""Explanation by occlusion: each word's weight is what the answer loses without it.

Zeiler and Fergus 2014, section 4.2, on words: the "representation erasure" of Li, Monroe and Jurafsky 2016,
https://arxiv.org/abs/1612.08220. What it shows and what it cannot is in docs/explanations.md.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import unescape
from unicodedata import category

from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

from serving.model.tokenizer import Encoded, Encoder
from serving.model.types import Prediction, Probabilities, WeighedWord

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

    Where the network reads the text's beginning or its end only, what is beyond it is in no variant, and neither is a
    word that it reads a part of: with a word less beside them, they would move up into what is read.

    Args:
        text: to be explained.
        encoder: the model's.

    Attributes:
        encoded: what the network has to be run on: the text; the words beside one that is read in part, where there is
            such a one; and the variants of these that are not read the same as they are.
    """

    def __init__(self, text: str, encoder: Encoder) -> None:
        (encoded_text,) = encoder.encode([text])
        self._words = cut_words(text)
        self._words_read = range(len(self._words))
        self._word_read_in_part: int | None = None
        start, end, base = 0, len(text), encoded_text
        if encoded_text.truncated and self._words:
            self._words_read, self._word_read_in_part = _reach(text, self._words, encoded_text, encoder)
            if encoder.cuts_left:
                start = self._words[self._words_read[0]].start
            else:
                end = self._words[self._words_read[-1]].end
            (base,) = encoder.encode([text[start:end]])
        tried = min(len(self._words_read), MAX_STEPS // max(len(base.ids), 1), MAX_CHARS // max(end - start, 1))
        words_tried = [self._words[index] for index in self._words_read[:tried]]
        # A space is left in the word's place, so that its neighbours do not become one word.
        variants = encoder.encode([f"{text[start : word.start]} {text[word.end : end]}" for word in words_tried])
        self._changed = [not _same(variant, base) for variant in variants]
        changed = [variant for variant, is_changed in zip(variants, self._changed, strict=True) if is_changed]
        self.encoded = [encoded_text, *([] if self._word_read_in_part is None else [base]), *changed]

    def explained(self, prediction: Prediction, probabilities: Probabilities, label: int) -> Prediction:
        """The prediction with the text's words; the arguments are those of `weigh`."""
        return replace(prediction, explanation=self.weigh(probabilities, label))

    def weigh(self, probabilities: Probabilities, label: int) -> tuple[WeighedWord, ...]:
        """Every word of the text, in order.

        Args:
            probabilities: the network's answer to each of `encoded`, (texts, classes).
            label: the answer's column.
        """
        of_text, *of_variants = probabilities[:, label].tolist()
        of_base = of_text if self._word_read_in_part is None else of_variants.pop(0)
        variant = iter(of_variants)
        weights: list[float | None] = [None] * len(self._words)
        for index, changed in zip(self._words_read, self._changed, strict=False):
            weights[index] = of_base - next(variant) if changed else 0.0
        if self._word_read_in_part is not None:
            weights[self._word_read_in_part] = of_text - of_base
        return tuple(
            WeighedWord(word.word, word.start, word.end, weight)
            for word, weight in zip(self._words, weights, strict=True)
        )


def _reach(text: str, words: Sequence[Word], encoded_text: Encoded, encoder: Encoder) -> tuple[range, int | None]:
    """How much the network reads of a text that is cut.

    Returns:
        The words that are read whole, by their indices, and the one that is read in part, where there is one. A single
        word that is longer than what the network reads counts as read.
    """
    max_words = min(len(words), MAX_STEPS // len(encoded_text.ids))

    def part(count: int) -> Encoded:
        bounds = slice(words[-count].start, None) if encoder.cuts_left else slice(words[count - 1].end)
        return encoder.encode([text[bounds]])[0]

    def suffices(count: int) -> bool:
        return _same(part(count), encoded_text)

    count = 1
    # By doubling, as encoding takes as long as its text, of which the network may read a hundredth.
    while count < max_words and not suffices(count):
        count = min(2 * count, max_words)
    counts = range(count)
    count = min(bisect_left(counts, True, lo=count // 2, key=lambda index: suffices(index + 1)) + 1, max_words)
    reads_part = count > 1 and part(count).truncated
    count -= reads_part
    if encoder.cuts_left:
        first = len(words) - count
        return range(first, len(words)), first - 1 if reads_part else None
    return range(count), count if reads_part else None


def _same(one: Encoded, other: Encoded) -> bool:
    return one.ids.tobytes() == other.ids.tobytes()
