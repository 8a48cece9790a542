"""Texts as a network trains on them: token ids, padded, some of them hidden by word dropout."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from serving.model.bundle import TOKENIZER
from serving.model.tokenizer import Encoded, Encoder, Ids
from training.inputs.base import MaskedTokens
from training.model.backend import keras
from training.model.network import build_network
from training.recipe.model import NetworkConfig

STEP = 8  # lengths are rounded up to this, so that the compiled network meets few shapes
SENTENCES = (
    "I love this, thank you so much!",
    "This is terrible and I hate it.",
    "The next train leaves at nine.",
    "WORST SHOW EVER",
    "not bad at all :)",
)


class TextEncoding:
    """See InputEncoding.

    Args:
        content: Of `tokenizer.json`.
    """

    file_name = TOKENIZER

    def __init__(self, content: str) -> None:
        self.content, self.encoder = content, Encoder(content)

    @property
    def vocabulary_size(self) -> int:
        """Tokens."""
        return self.encoder.vocabulary_size

    def build(self, config: NetworkConfig, classes: int) -> keras.Model:
        """See InputEncoding."""
        length = self.encoder.fixed_length
        return build_network(config, vocabulary=self.vocabulary_size, classes=classes, length=length)

    def encode(self, rows: Sequence[str]) -> Sequence[Encoded]:
        """See InputEncoding."""
        return self.encoder.encode(rows)

    def lengths(self, encoded: Sequence[Encoded]) -> npt.NDArray[np.int64]:
        """Tokens of each text."""
        return np.array([len(item.ids) for item in encoded])

    def batch(self, encoded: Sequence[Encoded]) -> Ids:
        """See InputEncoding."""
        ids, lengths = self.encoder.pad_batch(encoded)
        if self.encoder.fixed_length is None:
            extra = -int(lengths.max()) % STEP
            ids = np.pad(ids, ((0, 0), (0, extra)), constant_values=self.encoder.pad_id)
        return ids

    def hide(
        self, inputs: Ids, share: float, rng: np.random.Generator, name_below: int = 0
    ) -> tuple[Ids, MaskedTokens | None]:
        """Word dropout; see InputEncoding."""
        draws = rng.random(inputs.shape)
        dropped = (draws < share) & (inputs != self.encoder.pad_id)
        masked = None
        if name_below:
            nameable = dropped & (inputs != self.encoder.unknown_id) & (inputs < name_below)
            masked = _masked_tokens(inputs, nameable, draws, share)
        return np.where(dropped, np.int32(self.encoder.unknown_id), inputs), masked

    def known_rows(self, sentences: Sequence[str]) -> Sequence[str]:
        """See InputEncoding."""
        return sentences or SENTENCES


def _masked_tokens(
    ids: Ids, nameable: npt.NDArray[np.bool_], draws: npt.NDArray[np.float64], share: float
) -> MaskedTokens:
    """The nameable places of each text, lowest draw first; one fixed number of places for this width."""
    places = max(1, math.ceil(share * ids.shape[1]))
    positions = np.argsort(np.where(nameable, draws, 1.0), axis=1, kind="stable")[:, :places].astype(np.int32)
    used = np.take_along_axis(nameable, positions, 1)
    masked_ids = np.where(used, np.take_along_axis(ids, positions, 1), np.int32(0))
    return MaskedTokens(positions, masked_ids, used.astype(np.float32))
