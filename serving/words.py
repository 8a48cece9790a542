"""The words of a text as people see them, each with its place."""

from dataclasses import dataclass

from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

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
