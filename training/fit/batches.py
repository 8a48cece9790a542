"""Batches of encoded rows of like length, in an order that depends on seed and epoch alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from training.inputs.base import InputEncoding, Inputs, MaskedTokens
from training.types import Floats

WINDOW = 50  # batches that are sorted by length together: near in length, yet shuffled


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows, texts padded to one length.

    Attributes:
        inputs: Of the network.
        targets: float32 (rows, classes).
        weights: float32 (rows,).
        rows: Numbers of the rows in their part, int64 (texts,).
        masked: Tokens to name, where the stage masks words.
    """

    inputs: Inputs
    targets: Floats
    weights: Floats
    rows: npt.NDArray[np.int64]
    masked: MaskedTokens | None = None


class Batches:
    """The rows of one part, ready for the network.

    Args:
        encoding: Makes arrays of the rows.
        encoded: Each row, as it takes it.
        targets: One-hot or soft, float32 (rows, classes).
        weights: Of each row in the loss, float32 (rows,).
        size: Rows in a batch; the last one may have fewer.
    """

    def __init__(
        self, encoding: InputEncoding, encoded: Sequence[Any], targets: Floats, weights: Floats, size: int
    ) -> None:
        self.encoding, self.encoded, self.targets, self.weights, self.size = encoding, encoded, targets, weights, size
        self._lengths = encoding.lengths(encoded)

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
            word_dropout: Share of the tokens that are replaced by the unknown one, or of the values that are missing.
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
                yield self._with_dropout(batch, word_dropout, dropout, name_below) if word_dropout else batch

    def _batch(self, rows: npt.NDArray[np.int64]) -> Batch:
        inputs = self.encoding.batch([self.encoded[row] for row in rows])
        return Batch(inputs, self.targets[rows], self.weights[rows], rows)

    def _with_dropout(self, batch: Batch, share: float, rng: np.random.Generator, name_below: int) -> Batch:
        inputs, masked = self.encoding.hide(batch.inputs, share, rng, name_below)
        return replace(batch, inputs=inputs, masked=masked)
