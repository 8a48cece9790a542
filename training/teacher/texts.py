"""Tweets as a general encoder reads them: links, handles and emoji in words, and the tokenizer of the encoder."""

import sys
import unicodedata
from pathlib import Path

from tokenizers import Regex, Tokenizer, normalizers

from serving.model.text_rules import HANDLE, URL
from training.errors import DataError
from training.text.emoji_names import emoji_names
from training.text.patterns import ENTITIES

TOKENIZER = "tokenizer.json"

_RULES = (*ENTITIES, (URL, " http "), (HANDLE, " @user "))
_replace = normalizers.Sequence([normalizers.Replace(Regex(pattern), content) for pattern, content in _RULES])


def _symbol_names() -> dict[int, str]:
    """Code point of each symbol -> its name as words, CLDR's for emoji; skin tones go, flags are two letters.

    What was pre-trained on books and articles has no piece for an emoji.
    """
    symbols = (code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "So")
    names = {code: f" {unicodedata.name(chr(code)).lower()} " for code in symbols}
    emoji = {
        ord(character): f" {' '.join(words)} " for character, words in emoji_names().items() if len(character) == 1
    }
    skin_tones = dict.fromkeys(range(ord("🏻"), ord("🏿") + 1), "")
    return names | emoji | skin_tones | {ord("🇦") + number: chr(ord("a") + number) for number in range(26)}


SYMBOL_NAMES = _symbol_names()


def encoder_text(text: str) -> str:
    """A text with `http` for each link, `@user` for each handle, and the name of each emoji."""
    return str(_replace.normalize_str(text)).translate(SYMBOL_NAMES)


def read_tokenizer(folder: Path, max_tokens: int) -> str:
    """The tokenizer of the encoder in a folder, as JSON, padding by batch.

    Args:
        folder: With its tokenizer.json.
        max_tokens: Only the first so many tokens are read, those at begin and end among them.

    Raises:
        DataError: It cannot be read.
    """
    path = folder / TOKENIZER
    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); `make encoder` brings one") from error
    except Exception as error:  # the library raises plain Exception on a bad file
        raise DataError(f"{path}: is not a tokenizers file: {error}") from error
    padding = tokenizer.padding or {"pad_id": 0, "pad_token": "[PAD]"}
    tokenizer.enable_truncation(max_tokens)
    tokenizer.enable_padding(pad_id=padding["pad_id"], pad_token=padding["pad_token"])
    return str(tokenizer.to_str())
