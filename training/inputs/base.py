"""Protocol of a kind of input in training: what lies between rows and the arrays of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from serving.model.metadata import Row
from serving.model.tokenizer import Ids
from training.model.backend import keras
from training.recipe.model import NetworkConfig
from training.types import Floats

# What a network takes: token ids, int32 (texts, steps); or of fields ids, int32 (rows, fields), and numbers, float32
# (rows, numbers), one of the two or both in a list.
Inputs = Any


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


class InputEncoding(Protocol):
    """How rows of one kind become batches. Its file is the bundle's, which serving reads.

    Attributes:
        file_name: Of that file.
        content: Of it, JSON.
        vocabulary_size: Ids of the network's embedding.
    """

    file_name: str
    content: str

    @property
    def vocabulary_size(self) -> int:
        """See the class."""

    def build(self, config: NetworkConfig, classes: int) -> keras.Model:
        """The network that reads it, uncompiled, its last layer the softmax of so many classes."""

    def encode(self, rows: Sequence[Any]) -> Sequence[Any]:
        """What `batch` takes of each row, in order."""

    def lengths(self, encoded: Sequence[Any]) -> npt.NDArray[np.int64]:
        """By which rows share a batch: like beside like."""

    def batch(self, encoded: Sequence[Any]) -> Inputs:
        """The arrays of some rows."""

    def hide(
        self, inputs: Inputs, share: float, rng: np.random.Generator, name_below: int = 0
    ) -> tuple[Inputs, MaskedTokens | None]:
        """A batch some of whose tokens are unknown, or some of whose fields' values are missing.

        Args:
            inputs: Of `batch`.
            share: Of the tokens or values.
            rng: Draws them.
            name_below: With it, hidden tokens whose id is below are told, where rows have tokens.
        """

    def known_rows(self, sentences: Sequence[str]) -> Sequence[Row]:
        """Rows of nobody, by which a start of the service checks the bundle.

        Args:
            sentences: The recipe's own.
        """
