"""Text as a kind of input: a tokenizer file, with or without text rules, and batches of texts of like length."""

import operator
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from serving.errors import BundleError
from serving.model.bundle import NETWORK, TOKENIZER
from serving.model.explanation import Occlusion
from serving.model.inputs.base import RowFacts
from serving.model.keras_encoder import KerasEncoder
from serving.model.metadata import Metadata
from serving.model.network import Network
from serving.model.text_rules import TextRules
from serving.model.tokenizer import Encoded, Encoder, read_content
from serving.model.types import Probabilities

# Texts that the network computes at once: matrices of 12 rows fill the processor's vector registers (AVX-512; AVX2's 6
# twice) as well as any larger ones do, and the fewer texts there are, the less padding.
BATCH = 12


class TextInput:
    """Texts, and the token ids that an encoder makes of them.

    Args:
        encoder: from texts to token ids.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    @classmethod
    def read(cls, path: Path, rules: TextRules | None) -> "TextInput":
        """Read a tokenizer's file. Raises BundleError."""
        return cls(KerasEncoder(read_content(path), rules) if rules else Encoder.read(path))

    def check(self, network: Network, metadata: Metadata) -> None:
        """See ModelInput."""
        if network.numbers:
            raise BundleError(f"{NETWORK}: takes numbers of fields; accepted with inputs 'text': token ids")
        # An Embedding of Keras often has more rows than its Tokenizer has words.
        fits = operator.ge if metadata.text_rules else operator.eq
        if not fits(network.vocabulary, self.encoder.vocabulary_size):
            raise BundleError(
                f"{TOKENIZER}: has {self.encoder.vocabulary_size} tokens, {NETWORK} embeds {network.vocabulary}; "
                f"they must be equal{', or fewer' if metadata.text_rules else ''}"
            )
        self._check_padding(network, metadata)
        self.encoder.check_growth([answer.row for answer in metadata.known_answers if isinstance(answer.row, str)])

    def is_light(self, network: Network) -> bool:  # noqa: ARG002 -- of none
        """See ModelInput."""
        return False

    def encode(self, rows: Sequence[str]) -> tuple[list[Encoded], list[RowFacts]]:
        """See ModelInput.

        Raises:
            RuntimeError: the tokenizers library fails on a text.
        """
        encoded, shares = self.encoder.encode_with_shares(rows)
        return encoded, [RowFacts(item.truncated, share, item.cut) for item, share in zip(encoded, shares, strict=True)]

    def run(self, network: Network, encoded: Sequence[Encoded]) -> Probabilities:
        """See ModelInput. Texts near in length are computed together."""
        probabilities = np.empty((len(encoded), network.classes), dtype=np.float32)
        lengths = np.array([len(item.ids) for item in encoded])
        for group in _groups(lengths, np.argsort(lengths, kind="stable"), masked=network.masked):
            for start in range(0, len(group), BATCH):
                rows = group[start : start + BATCH]
                probabilities[rows] = network.run(*self.encoder.pad_batch([encoded[row] for row in rows]))
        return probabilities

    def occlude(self, row: str) -> Occlusion:
        """See ModelInput: the text without each of its words."""
        return Occlusion(row, self.encoder)

    def _check_padding(self, network: Network, metadata: Metadata) -> None:
        length, steps, masked = self.encoder.fixed_length, network.steps, network.masked
        # A text of an adopted bundle may be without padding, as one alone is to Keras; training pads all to one length.
        if not masked and length is None and not metadata.text_rules:
            raise BundleError(f"{TOKENIZER}: pads by batch, but {NETWORK} reads padding; accepted: a fixed length")
        # Only id 0 is masked.
        if masked and (length is None) != (self.encoder.pad_id == 0):
            raise BundleError(
                f"{TOKENIZER}: pads to a length; accepted with the masking {NETWORK}: by batch, with id 0"
            )
        if steps is not None and steps != length:
            raise BundleError(f"{TOKENIZER}: pads to {length} tokens, {NETWORK} takes {steps}")


def _groups(lengths: npt.NDArray[np.intp], order: npt.NDArray[np.intp], *, masked: bool) -> list[npt.NDArray[np.intp]]:
    """What may be computed together: all that is masked, but only texts of one length where padding is read."""
    return [order] if masked else np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1)
