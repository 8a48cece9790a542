"""Texts to token ids by `tokenizer.json` alone: what training ran is what serving runs."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding, Tokenizer

from serving.errors import BundleError
from serving.tokenizer_file import check_format, check_growth

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


class EncodedText(str):
    """A text that brings its token ids along, and the encoder that they are of."""

    __slots__ = ("by", "encoded")

    by: "Encoder"
    encoded: Encoded

    @classmethod
    def of(cls, text: str, by: "Encoder", encoded: Encoded) -> Self:
        """The text, with them."""
        self = cls(text)
        self.by, self.encoded = by, encoded
        return self


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
            with _no_panic():
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
        known = [text.encoded if isinstance(text, EncodedText) and text.by is self else None for text in texts]
        rest = iter(self._encode([text for text, item in zip(texts, known, strict=True) if item is None]))
        return [item or next(rest) for item in known]

    def prepare(self, texts: Sequence[str]) -> list[str]:
        """The same texts, which `encode` has no more work with. Raises as it does."""
        return [EncodedText.of(text, self, item) for text, item in zip(texts, self.encode(texts), strict=True)]

    def tokens(self, text: str) -> list[str]:
        """The tokens of one text as strings, for people to look at."""
        return [str(self._tokenizer.id_to_token(int(i))) for i in self._encoded(text).ids]

    def _encode(self, texts: list[str]) -> list[Encoded]:
        # A batch, of any size, lets other threads run meanwhile, and spends nothing on offsets, which nobody reads.
        with _no_panic():
            encodings = self._tokenizer.encode_batch_fast(texts)
        return [self._of(encoding) for encoding in encodings]

    def _encoded(self, text: str) -> Encoded:
        return self.encode([text])[0]

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
def _no_panic() -> Iterator[None]:
    """A panic of the library's Rust is no Exception in Python: unlike other faults it would end whoever runs it."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise RuntimeError("the tokenizers library failed") from error
