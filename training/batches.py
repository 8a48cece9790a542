"""Encoded texts in batches of like length, in an order that depends on seed and epoch alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serving.encoding import Encoded, Encoder, Ids

STEP = 8  # lengths are rounded up to this, so that the compiled network meets few shapes
WINDOW = 50  # batches that are sorted by length together: near in length, yet shuffled

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Batch:
    """`ids` int32 (texts, steps), `targets` float32 (texts, classes), `weights` float32 (texts,), `rows` int64."""

    ids: Ids
    targets: Floats
    weights: Floats
    rows: npt.NDArray[np.int64]


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

    def shuffled(self, seed: int, epoch: int, word_dropout: float = 0.0) -> Iterator[Batch]:
        """Every row once, in the order of this seed and epoch; a share of the tokens replaced by the unknown one."""
        rng = np.random.default_rng([seed, epoch])
        rows = rng.permutation(len(self.encoded))
        window = self.size * WINDOW
        chunks = [rows[i : i + window] for i in range(0, len(rows), window)]
        by_length = [chunk[np.argsort(self._lengths[chunk], kind="stable")] for chunk in chunks]
        batches = [c[i : i + self.size] for c in by_length for i in range(0, len(c), self.size)]
        for number in rng.permutation(len(batches)):
            batch = self._batch(batches[number])
            yield self._with_word_dropout(batch, word_dropout, rng) if word_dropout else batch

    def _batch(self, rows: npt.NDArray[np.int64]) -> Batch:
        ids, lengths = self.encoder.pad_batch([self.encoded[row] for row in rows])
        if self.encoder.fixed_length is None:
            extra = -int(lengths.max()) % STEP
            ids = np.pad(ids, ((0, 0), (0, extra)), constant_values=self.encoder.pad_id)
        return Batch(ids, self.targets[rows], self.weights[rows], rows)

    def _with_word_dropout(self, batch: Batch, share: float, rng: np.random.Generator) -> Batch:
        dropped = (rng.random(batch.ids.shape) < share) & (batch.ids != self.encoder.pad_id)
        ids = np.where(dropped, np.int32(self.encoder.unknown_id), batch.ids)
        return Batch(ids, batch.targets, batch.weights, batch.rows)
