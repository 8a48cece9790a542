"""Tokenizer of a bundle: texts to token ids by `tokenizer.json` alone, which training and serving both load."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field, ValidationError
from tokenizers import Encoding, Tokenizer, normalizers

from serving.errors import BundleError

MAX_TOKENS = 4096  # that a text may be cut or padded to
MAX_RULES = 1000  # of the normalizer
MAX_CONTENT = 64  # characters that a rule puts in a match's place

# Times the length of a text that its normal form may have: NFKC makes 18 characters of one.
MAX_GROWTH = 32


class _Truncation(BaseModel):
    max_length: int = Field(ge=1, le=MAX_TOKENS)
    # An overlap of what is cut off, which nobody reads; as long as max_length, it ends the library in a panic.
    stride: Literal[0]


class _Fixed(BaseModel):
    Fixed: int = Field(ge=1, le=MAX_TOKENS)


class _Padding(BaseModel):
    strategy: Literal["BatchLongest"] | _Fixed
    pad_to_multiple_of: None = None


class _Replace(BaseModel):
    type: Literal["Replace"]
    content: str = Field(max_length=MAX_CONTENT)


class _Other(BaseModel):
    type: Literal["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Strip", "StripAccents", "Nmt", "BertNormalizer"]


class _Rules(BaseModel):
    type: Literal["Sequence"]
    normalizers: list[Annotated[_Replace | _Other, Field(discriminator="type")]] = Field(max_length=MAX_RULES)


class _File(BaseModel):
    truncation: _Truncation | None = None
    padding: _Padding | None = None
    normalizer: Annotated[_Replace | _Other | _Rules, Field(discriminator="type")] | None = None


def check_format(content: Any, name: str) -> dict[int, str]:
    """Check what serving relies on in a tokenizer file.

    Args:
        content: the file's parsed JSON.
        name: the file's, for sentences.

    Returns:
        What the normalizer's rules put in matches' places, by their number.

    Raises:
        BundleError: the sentence says what is not accepted.
    """
    try:
        rules = _File.model_validate(content).normalizer
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise BundleError(f"{name}: is not a tokenizers file that is accepted: {'; '.join(faults[:3])}") from error
    members = rules.normalizers if isinstance(rules, _Rules) else [rules]
    return {number: rule.content for number, rule in enumerate(members) if isinstance(rule, _Replace)}


def check_growth(tokenizer: Tokenizer, contents: Mapping[int, str], texts: Sequence[str], name: str) -> None:
    """Check that a normalizer does not make texts endlessly long, nor what its own rules put in.

    Rules that each double a text need only be some twenty to fill all memory, so that it is followed rule by rule.

    Args:
        tokenizer: whose normalizer is checked.
        contents: what `check_format` returned for its file.
        texts: to try it with.
        name: the file's, for sentences.

    Raises:
        BundleError: a text becomes more than MAX_GROWTH times as long.
    """
    rules = tokenizer.normalizer
    if not isinstance(rules, normalizers.Sequence):
        return
    starts = [(0, text) for text in texts] + [(number + 1, content * 4) for number, content in contents.items()]
    for first, text in starts:
        normalized = text
        for number in range(first, len(rules)):
            normalized = rules[number].normalize_str(normalized)
            if len(normalized) > MAX_GROWTH * (len(text) + 8):
                raise BundleError(
                    f"{name}: normalizer.normalizers.{number}: {text[:40]!r} becomes {len(normalized):,} characters "
                    f"long; accepted: rules that make a text at most {MAX_GROWTH} times as long"
                )


Ids = npt.NDArray[np.int32]

# Kinds of tokens, a letter each, so that a text's tokens are a string in which patterns can be found: one character
# that begins a word, one that continues it, more that continue it, the unknown token, padding, and all others.
_BEGINNING, _CONTINUING, _LONG_CONTINUING, _UNKNOWN, _PADDING, _OTHER = b"bcC?_."

# What the model does not know of a text: unknown tokens, and a word that comes apart into single characters, for which
# the model has no more than its alphabet.
_NOT_KNOWN = re.compile(rb"\?|bc+(?![cC])")


@dataclass(frozen=True, slots=True)
class Encoded:
    """One text as token ids.

    Attributes:
        ids: int32 (tokens,); empty only where text rules leave nothing of a text.
        cut: how many tokens beyond the limit were left out.
    """

    ids: Ids
    cut: int = 0

    @property
    def truncated(self) -> bool:
        """Whether any token was left out."""
        return self.cut > 0


def read_content(path: Path) -> str:
    """The text of a tokenizer file.

    Raises:
        BundleError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{path.name}: cannot be read: {error}") from error


class Encoder:
    """The preprocessing of a bundle. Safe to call from several threads.

    Args:
        content: the text of a Hugging Face `tokenizers` file.
        name: the file's, for sentences.

    Attributes:
        pad_id: the id of padding.
        unknown_id: the id of what is not in the vocabulary.
        fixed_length: how many ids each text gets, or None where padding is by batch: then `encode` does not pad, and
            `pad_batch` pads right.
        cuts_left: whether what is beyond the limit is left out at a text's beginning, not its end.

    Raises:
        BundleError: it is no such file, or has no padding or unknown token.
    """

    def __init__(self, content: str, *, name: str = "tokenizer.json") -> None:
        self._name = name
        try:
            parsed = json.loads(content)
            self._contents = check_format(parsed, name)
            with panics_as_errors():
                self._tokenizer = Tokenizer.from_str(content)
        except BundleError:
            raise
        except Exception as error:  # the library raises plain Exception on a bad file
            raise BundleError(f"{name}: is not a tokenizers file: {error}") from error
        padding = self._tokenizer.padding
        unknown = parsed["model"].get("unk_token")
        self._continuing_prefix: str = parsed["model"].get("continuing_subword_prefix") or ""
        self._has_subwords = self._continuing_prefix != ""
        unknown_id = unknown and self._tokenizer.token_to_id(unknown)
        if padding is None or not unknown or unknown_id is None:
            raise BundleError(f"{name}: needs a padding rule and an unknown token; accepted: one that training wrote")
        self.pad_id: int = padding["pad_id"]
        self.unknown_id: int = unknown_id
        self.fixed_length: int | None = padding["length"]
        self.cuts_left = (self._tokenizer.truncation or {}).get("direction") == "left"
        if self.fixed_length is None:
            self._tokenizer.no_padding()

    @classmethod
    def read(cls, path: Path) -> "Encoder":
        """Read a tokenizer file.

        Raises:
            BundleError: the sentence names the file and the fault.
        """
        return cls(read_content(path), name=path.name)

    @property
    def vocabulary_size(self) -> int:
        """One more than the highest token id, special ones included: the rows that a network must have for them."""
        return max(self._tokenizer.get_vocab(with_added_tokens=True).values()) + 1

    def check_growth(self, texts: Sequence[str]) -> None:
        """Check that the normalizer makes neither these texts nor what its own rules put in endlessly long.

        Raises:
            BundleError: it does.
        """
        check_growth(self._tokenizer, self._contents, texts, self._name)

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Token ids of each text, in order. A text with nothing readable in it is one unknown token.

        Raises:
            RuntimeError: the library fails on a text.
        """
        # A batch, of any size, lets other threads run meanwhile, and spends nothing on offsets, which nobody reads.
        with panics_as_errors():
            encodings = self._tokenizer.encode_batch_fast(list(texts))
        return [self._of(encoding) for encoding in encodings]

    def encode_with_shares(self, texts: Sequence[str]) -> tuple[list[Encoded], list[float]]:
        """As `encode`, and the share of each text's characters that the model has pieces for, from 0 to 1.

        Counted are the characters of the text that are in its tokens: white space and what the preprocessing drops are
        not, nor is what was cut off. What it replaces as a whole, such as a link, a handle or an emoticon, is one
        character. Known are all but those in unknown tokens and in words that come apart into single characters. A text
        of which nothing is left has 0.
        """
        # A vocabulary of words lacks one in most texts: offsets that are made at once cost less than another encoding.
        encode = self._tokenizer.encode_batch_fast if self._has_subwords else self._tokenizer.encode_batch
        with panics_as_errors():
            encodings = encode(list(texts))
        encoded = [self._of(encoding) for encoding in encodings]
        kinds = [self._kinds.take(item.ids).tobytes() for item in encoded]
        shares = [1.0] * len(kinds)
        doubtful = [index for index, tokens in enumerate(kinds) if _may_be_unknown(tokens)]
        if doubtful:
            if self._has_subwords:
                with panics_as_errors():
                    encodings = self._tokenizer.encode_batch([texts[index] for index in doubtful])
            else:
                encodings = [encodings[index] for index in doubtful]
            for index, encoding in zip(doubtful, encodings, strict=True):
                shares[index] = _known_share(kinds[index], encoding.offsets)
        return encoded, shares

    def tokens(self, text: str) -> list[str]:
        """The tokens of one text as strings, for people to look at; padding that has no token is none."""
        tokens = map(self._tokenizer.id_to_token, self.encode([text])[0].ids.tolist())
        return [token for token in tokens if token is not None]

    @cached_property
    def _kinds(self) -> npt.NDArray[np.uint8]:
        """The kind of each token, by its id."""
        kinds = np.full(self.vocabulary_size, _OTHER, dtype=np.uint8)
        prefix = self._continuing_prefix
        for token, token_id in self._tokenizer.get_vocab(with_added_tokens=True).items():
            if self._has_subwords and token.startswith(prefix):
                kinds[token_id] = _CONTINUING if len(token) == len(prefix) + 1 else _LONG_CONTINUING
            elif len(token) == 1:
                kinds[token_id] = _BEGINNING
        kinds[self.unknown_id], kinds[self.pad_id] = _UNKNOWN, _PADDING
        return kinds

    def _of(self, encoding: Encoding) -> Encoded:
        ids = encoding.ids or [self.unknown_id]
        # What is cut off is padded too, where padding is to a length.
        cut = sum(sum(overflow.attention_mask) for overflow in encoding.overflowing)
        return Encoded(np.array(ids, dtype=np.int32), cut)

    def pad_batch(self, batch: Sequence[Encoded]) -> tuple[Ids, Ids]:
        """One batch for the network.

        Returns:
            Ids padded right to the longest, int32 (texts, steps), and the true lengths, int32 (texts,).
        """
        lengths = np.array([len(item.ids) for item in batch], dtype=np.int32)
        ids = np.full((len(batch), max(int(lengths.max()), 1)), self.pad_id, dtype=np.int32)
        for row, item in zip(ids, batch, strict=True):
            row[: len(item.ids)] = item.ids
        return ids, lengths


def _may_be_unknown(kinds: bytes) -> bool:
    """Whether anything in a text may be, or nothing is left of it. Faster than the pattern, on most texts."""
    return b"?" in kinds or b"bc" in kinds or not kinds.strip(b"_")


def _known_share(kinds: bytes, offsets: Sequence[tuple[int, int]]) -> float:
    lengths = [end - start for start, end in offsets]
    total = sum(lengths)
    unknown = sum(sum(lengths[match.start() : match.end()]) for match in _NOT_KNOWN.finditer(kinds))
    return (total - unknown) / total if total else 0.0


@contextmanager
def panics_as_errors() -> Iterator[None]:
    """Turns a panic of the library's Rust into a RuntimeError.

    It is no Exception in Python: unlike other faults it would end whoever runs it.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise RuntimeError("the tokenizers library failed") from error
