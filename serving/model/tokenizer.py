"""Texts to token ids by `tokenizer.json` alone: what training ran is what serving runs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field, ValidationError
from tokenizers import Encoding, Tokenizer, normalizers

from serving.errors import BundleError

MAX_TOKENS = 4096
MAX_RULES = 1000
MAX_CONTENT = 64
"""Tokens that a text may be cut or padded to; rules of the normalizer; characters that one puts in a match's place."""

MAX_GROWTH = 32
"""Times the length of a text that its normal form may have: NFKC makes 18 characters of one."""


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
    """Raises BundleError that says what is not accepted in the parsed `content` of the file of that name.

    Returns what the normalizer's rules put in matches' places, by their number.
    """
    try:
        rules = _File.model_validate(content).normalizer
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise BundleError(f"{name}: is not a tokenizers file that is accepted: {'; '.join(faults[:3])}") from error
    members = rules.normalizers if isinstance(rules, _Rules) else [rules]
    return {number: rule.content for number, rule in enumerate(members) if isinstance(rule, _Replace)}


def check_growth(tokenizer: Tokenizer, contents: Mapping[int, str], texts: Sequence[str], name: str) -> None:
    """Raises BundleError where a normalizer that `check_format` accepts makes far longer texts of these.

    So it is with what it puts in itself, its `contents`, and the rules after. Rules that each double a text need only
    be some twenty to fill all memory, so that it is followed rule by rule.
    """
    rules = tokenizer.normalizer
    if not isinstance(rules, normalizers.Sequence):
        return
    begins = [(0, text) for text in texts] + [(number + 1, content * 4) for number, content in contents.items()]
    for first, text in begins:
        now = text
        for number in range(first, len(rules)):
            now = rules[number].normalize_str(now)
            if len(now) > MAX_GROWTH * (len(text) + 8):
                raise BundleError(
                    f"{name}: normalizer.normalizers.{number}: {text[:40]!r} becomes {len(now):,} characters long; "
                    f"accepted: rules that make a text at most {MAX_GROWTH} times as long"
                )


Ids = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Encoded:
    """One text as token ids, int32 (tokens,), never empty. `cut`: how many tokens beyond the limit were left out."""

    ids: Ids
    cut: int = 0

    @property
    def truncated(self) -> bool:
        """Whether any was."""
        return self.cut > 0


class Encoder:
    """The preprocessing of a bundle.

    Arguments: `content`, the text of a Hugging Face `tokenizers` file, whose padding is either fixed
    (every text gets `fixed_length` ids) or by batch (ids come unpadded; `pad_batch` pads them right).
    Raises BundleError when it is not such a file or has no padding or unknown token.
    """

    def __init__(self, content: str, *, name: str = "tokenizer.json") -> None:
        self._name = name
        try:
            self._contents = check_format(parsed := json.loads(content), name)
            with panics_as_errors():
                self._tokenizer = Tokenizer.from_str(content)
        except BundleError:
            raise
        except Exception as error:  # the library raises plain Exception on a bad file
            raise BundleError(f"{name}: is not a tokenizers file: {error}") from error
        padding = self._tokenizer.padding
        unknown = parsed["model"].get("unk_token")
        unknown_id = unknown and self._tokenizer.token_to_id(unknown)
        if padding is None or not unknown or unknown_id is None:
            raise BundleError(f"{name}: needs a padding rule and an unknown token; accepted: one that training wrote")
        self.pad_id: int = padding["pad_id"]
        self.unknown_id: int = unknown_id
        self.fixed_length: int | None = padding["length"]
        if self.fixed_length is None:
            self._tokenizer.no_padding()

    @classmethod
    def read(cls, path: Path) -> "Encoder":
        """Read a tokenizer file. Raises BundleError naming it."""
        try:
            return cls(path.read_text(encoding="utf-8"), name=path.name)
        except (OSError, UnicodeDecodeError) as error:
            raise BundleError(f"{path.name}: cannot be read: {error}") from error

    @property
    def vocabulary_size(self) -> int:
        """One more than the highest token id, special ones included: the rows that a network must have for them."""
        return max(self._tokenizer.get_vocab(with_added_tokens=True).values()) + 1

    def check_growth(self, texts: Sequence[str]) -> None:
        """Raises BundleError where the normalizer makes these texts, or what its own rules put in, endlessly long."""
        check_growth(self._tokenizer, self._contents, texts, self._name)

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Token ids of each text, in order. A text with nothing readable in it is one unknown token.

        Raises RuntimeError where the library fails on a text.
        """
        # A batch, of any size, lets other threads run meanwhile, and spends nothing on offsets, which nobody reads.
        with panics_as_errors():
            encodings = self._tokenizer.encode_batch_fast(list(texts))
        return [self._of(encoding) for encoding in encodings]

    def tokens(self, text: str) -> list[str]:
        """The tokens of one text as strings, for people to look at."""
        return [str(self._tokenizer.id_to_token(int(i))) for i in self.encode([text])[0].ids]

    def _of(self, encoding: Encoding) -> Encoded:
        ids = encoding.ids or [self.unknown_id]
        rest = encoding.overflowing
        return Encoded(np.array(ids, dtype=np.int32), sum(len(more.ids) for more in rest) if rest else 0)

    def pad_batch(self, batch: Sequence[Encoded]) -> tuple[Ids, Ids]:
        """Ids padded right to the longest, int32 (texts, steps), and the true lengths, int32 (texts,)."""
        lengths = np.array([len(item.ids) for item in batch], dtype=np.int32)
        ids = np.full((len(batch), int(lengths.max())), self.pad_id, dtype=np.int32)
        for row, item in zip(ids, batch, strict=True):
            row[: len(item.ids)] = item.ids
        return ids, lengths


@contextmanager
def panics_as_errors() -> Iterator[None]:
    """A panic of the library's Rust is no Exception in Python: unlike other faults it would end whoever runs it."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise RuntimeError("the tokenizers library failed") from error
