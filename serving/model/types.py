"""Types of a prediction, and the protocol of a predictor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from serving.model.metadata import Metadata

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class WeighedWord:
    """A word of an explained text, and how much it speaks for the label.

    Attributes:
        word: `text[start:end]`.
        start: counted in Unicode code points.
        end: behind its last character.
        weight: the label's probability less its probability without the word, so from -1 to 1; 0 where leaving the word
            out changes nothing that the network reads; None where the network does not read that far.
    """

    word: str
    start: int
    end: int
    weight: float | None


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one text.

    Attributes:
        label: the most probable one.
        probability: the label's.
        probabilities: of all labels, in the bundle's order; they sum to 1.
        truncated: whether the text had more tokens than the model reads, so that its end was not looked at.
        explanation: the text's words with their weights, where they were asked for.
        cut: how many tokens were not read.
    """

    label: str
    probability: float
    probabilities: dict[str, float]
    truncated: bool
    explanation: tuple[WeighedWord, ...] | None = None
    cut: int = 0


class PredictorLike(Protocol):
    """What the service asks of a predictor; `Predictor` is the real one. One thread calls it."""

    @property
    def metadata(self) -> Metadata:
        """What the bundle says of itself."""

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction a text, in order; texts may be of any length."""

    def explain(self, text: str) -> Prediction:
        """What `predict` answers to this one text, with an explanation."""

    def check(self) -> None:
        """Raises an exception where the known answers do not hold."""
