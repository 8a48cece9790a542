"""What a predictor answers, and what the service asks of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from serving.model.metadata import Metadata

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class WeighedWord:
    """`text[start:end]`, in Unicode code points, and how much it speaks for the label.

    `weight`: the label's probability less its probability without the word, so from -1 to 1; 0 where leaving the word
    out changes nothing that the network reads; None where it was not tried, as the network does not read that far.
    """

    word: str
    start: int
    end: int
    weight: float | None


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one text. `probabilities` keeps the bundle's label order and sums to 1.

    `truncated`: the text had more tokens than the model reads, and its end was not looked at.
    `explanation`: the text's words with their weights, where they were asked for. `cut`: the tokens that were not read.
    """

    label: str
    probability: float
    probabilities: dict[str, float]
    truncated: bool
    explanation: tuple[WeighedWord, ...] | None = None
    cut: int = 0


class PredictorLike(Protocol):
    """What the service asks of a predictor; see `Predictor`, which has all of it. One thread calls it."""

    @property
    def metadata(self) -> Metadata: ...

    def predict(self, texts: Sequence[str]) -> list[Prediction]: ...

    def explain(self, text: str) -> Prediction: ...

    def check(self) -> None: ...
