"""Encoded texts in batches of like length, in an order that depends on seed and epoch alone."""

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
class Hidden:
    """Words that word dropout hid: `positions` and `words` (their ids), int32 (texts, places); `live` float32, 1 or 0.

    Each text has the same number of places; those that it does not need are not live.
    """

    positions: Ids
    words: Ids
    live: Floats


@dataclass(frozen=True, slots=True)
class Batch:
    """`ids` int32 (texts, steps), `targets` float32 (texts, classes), `weights` float32 (texts,), `rows` int64."""

    ids: Ids
    targets: Floats
    weights: Floats
    rows: npt.NDArray[np.int64]
    hidden: "Hidden | None" = None


class Batches:
    """The rows of one part, ready for the network.

    `encoded` and the rows of `targets` (one-hot or soft, float32) and `weights` belong together.
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
        """Every row once, in the order of this seed, from batch number `start` on.

        A share of the tokens is replaced by the unknown one; with `name_below`, those of them whose id is below it
        are told as `hidden`. A batch depends on the seed and its own number alone, so that a run can go on anywhere.
        """
        rng = np.random.default_rng(seed)
        rows = rng.permutation(len(self.encoded))
        window = self.size * WINDOW
        chunks = [rows[i : i + window] for i in range(0, len(rows), window)]
        by_length = [chunk[np.argsort(self._lengths[chunk], kind="stable")] for chunk in chunks]
        batches = [c[i : i + self.size] for c in by_length for i in range(0, len(c), self.size)]
        for place, number in enumerate(rng.permutation(len(batches))):
            if place >= start:
                batch = self._batch(batches[number])
                dropout = np.random.default_rng([*seed, place])
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
        hidden = None
        if name_below:
            nameable = dropped & (batch.ids != self.encoder.unknown_id) & (batch.ids < name_below)
            hidden = _hidden(batch.ids, nameable, draws, share)
        return replace(batch, ids=ids, hidden=hidden)


def _hidden(ids: Ids, nameable: npt.NDArray[np.bool_], draws: npt.NDArray[np.float64], share: float) -> Hidden:
    """The nameable places of each text, lowest draw first; one fixed number of places for this width."""
    places = max(1, math.ceil(share * ids.shape[1]))
    positions = np.argsort(np.where(nameable, draws, 1.0), axis=1, kind="stable")[:, :places].astype(np.int32)
    live = np.take_along_axis(nameable, positions, 1)
    words = np.where(live, np.take_along_axis(ids, positions, 1), np.int32(0))
    return Hidden(positions, words, live.astype(np.float32))
