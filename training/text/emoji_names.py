"""Emoji of Unicode, each with the words of its name.

The names are the short ones of Unicode's CLDR (https://www.unicode.org/emoji/charts/emoji-list.html), as the package
`emoji` holds them: `unicodedata` names single characters only, and none that is newer than the running Python.
"""

import re

from emoji import EMOJI_DATA
from tokenizers import Tokenizer

_WORD = re.compile(r"[^\W_]+")


def emoji_names() -> dict[str, list[str]]:
    """Every emoji, also those of several characters -> the words of its name in English, in lower case.

    Shortest first, so that a person comes before the same in five tones of skin, and before the family.
    """
    return {emoji: _WORD.findall(EMOJI_DATA[emoji]["en"].lower()) for emoji in sorted(EMOJI_DATA, key=_length_first)}


def token_names(tokenizer: Tokenizer) -> dict[str, list[str]]:
    """Every token that emoji are read as -> the words of the first name with it.

    A flag is one token. Of a sequence, such as a family, each part is one; tones of skin are none.
    """
    names: dict[str, list[str]] = {}
    for emoji, words in emoji_names().items():
        normalized = tokenizer.normalizer.normalize_str(emoji)
        for token, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normalized):
            names.setdefault(token, words)
    return names


def _length_first(emoji: str) -> tuple[int, str]:
    return len(emoji), emoji
