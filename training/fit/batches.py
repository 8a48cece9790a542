"""Batches of encoded texts of like length, in an order that depends on seed and epoch alone."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from serving.model.tokenizer import Encoded, Encoder, Ids
from training.types import Floats

STEP = 8  # lengths are rounded up to this, so that the compiled network meets few shapes
WINDOW = 50  # batches that are sorted by length together: near in length, yet shuffled


@dataclass(frozen=True, slots=True)
class MaskedTokens:
    """Tokens that word dropout hid, for a masked language model to name.

    Each text has the same number of places; those that it does not need weigh nothing.

    Attributes:
        positions: Steps of the tokens, int32 (texts, places).
        ids: What stood there, int32 (texts, places).
        weights: 1 or 0, float32 (texts, places).
    """

    positions: Ids
    ids: Ids
    weights: Floats


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows, padded to one length.

    Attributes:
        ids: Tokens, int32 (texts, steps).
        targets: float32 (texts, classes).
        weights: float32 (texts,).
        rows: Numbers of the rows in their part, int64 (texts,).
        masked: Tokens to name, where the stage masks words.
    """

    ids: Ids
    targets: Floats
    weights: Floats
    rows: npt.NDArray[np.int64]
    masked: MaskedTokens | None = None


class Batches:
    """The rows of one part, ready for the network.

    Args:
        encoder: Pads the texts.
        encoded: Token ids of each text.
        targets: One-hot or soft, float32 (texts, classes).
        weights: Of each text in the loss, float32 (texts,).
        size: Texts in a batch; the last one may have fewer.
    """

    def __init__(
        self, encoder: Encoder, encoded: Sequence[Encoded], targets: Floats, weights: Floats, size: int
    ) -> None:
        self.encoder, self.encoded, self.targets, self.weights, self.size = encoder, encoded, targets, weights, size
        self._lengths = np.array([len(item.ids) for item in encoded])

    def __len__(self) -> int:
        return -(-len(self.encoded) // self.size)

    def ordered(self) -> Iterator[Batch]:
        """Every row once, shortest first."""
        rows = np.argsort(self._lengths, kind="stable")
        for start in range(0, len(rows), self.size):
            yield self._batch(rows[start : start + self.size])

    def shuffled(
        self, seed: Sequence[int], word_dropout: float = 0.0, *, start: int = 0, name_below: int = 0
    ) -> Iterator[Batch]:
        """Every row once, in an order that the seed decides.

        A batch depends on the seed and its own number alone, so that a run can go on anywhere.

        Args:
            seed: Numbers for `numpy.random.default_rng`.
            word_dropout: Share of the tokens that are replaced by the unknown one.
            start: Number of the first batch.
            name_below: With it, replaced tokens whose id is below are told as `masked`.
        """
        rng = np.random.default_rng(seed)
        rows = rng.permutation(len(self.encoded))
        window = self.size * WINDOW
        chunks = [rows[i : i + window] for i in range(0, len(rows), window)]
        by_length = [chunk[np.argsort(self._lengths[chunk], kind="stable")] for chunk in chunks]
        batches = [c[i : i + self.size] for c in by_length for i in range(0, len(c), self.size)]
        for number, index in enumerate(rng.permutation(len(batches))):
            if number >= start:
                batch = self._batch(batches[index])
                dropout = np.random.default_rng([*seed, number])
                yield self._with_word_dropout(batch, word_dropout, dropout, name_below) if word_dropout else batch

    def _batch(self, rows: npt.NDArray[np.int64]) -> Batch:
        ids, lengths = self.encoder.pad_batch([self.encoded[row] for row in rows])
        if self.encoder.fixed_length is None:
            extra = -int(lengths.max()) % STEP
            ids = np.pad(ids, ((0, 0), (0, extra)), constant_values=self.encoder.pad_id)
        return Batch(ids, self.targets[rows], self.weights[rows], rows)

    def _with_word_dropout(self, batch: Batch, share: float, rng: np.random.Generator, name_below: int) -> Batch:
        draws = rng.random(batch.ids.shape)
        dropped = (draws < share) & (batch.ids != self.encoder.pad_id)
        ids = np.where(dropped, np.int32(self.encoder.unknown_id), batch.ids)
        masked = None
        if name_below:
            nameable = dropped & (batch.ids != self.encoder.unknown_id) & (batch.ids < name_below)
            masked = _masked_tokens(batch.ids, nameable, draws, share)
        return replace(batch, ids=ids, masked=masked)


def _masked_tokens(
    ids: Ids, nameable: npt.NDArray[np.bool_], draws: npt.NDArray[np.float64], share: float
) -> MaskedTokens:
    """The nameable places of each text, lowest draw first; one fixed number of places for this width."""
    places = max(1, math.ceil(share * ids.shape[1]))
    positions = np.argsort(np.where(nameable, draws, 1.0), axis=1, kind="stable")[:, :places].astype(np.int32)
    used = np.take_along_axis(nameable, positions, 1)
    masked_ids = np.where(used, np.take_along_axis(ids, positions, 1), np.int32(0))
    return MaskedTokens(positions, masked_ids, used.astype(np.float32))
