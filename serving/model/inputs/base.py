"""Protocol of a kind of input: what lies between the rows that people send and the arrays that a network reads."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from serving.model.metadata import Metadata
from serving.model.network import Network
from serving.model.types import Prediction, Probabilities


class RowFacts(NamedTuple):
    """What is known of a row beside its answer; see Prediction."""

    truncated: bool = False
    in_vocabulary: float = 1.0
    cut: int = 0


class Occluded(Protocol):
    """A row and the variants of it that each lack a part.

    Attributes:
        encoded: what the network has to be run on, the row first.
    """

    @property
    def encoded(self) -> Sequence[Any]:
        """See the class."""

    def explained(self, prediction: Prediction, probabilities: Probabilities, label: int) -> Prediction:
        """The prediction with what each part speaks for its label.

        Args:
            prediction: of the row.
            probabilities: the network's answer to each of `encoded`, (rows, classes).
            label: the prediction's column.
        """


class ModelInput(Protocol):
    """A kind of input, as the file of a bundle describes it. Safe to call from several threads."""

    def check(self, network: Network, metadata: Metadata) -> None:
        """Raises BundleError where the network reads something else."""

    def is_light(self, network: Network) -> bool:
        """Whether a row is less work than to wake a thread for it."""

    def encode(self, rows: Sequence[Any]) -> tuple[Sequence[Any], Sequence[RowFacts]]:
        """What `run` takes of each row, and what is known of it, in order."""

    def run(self, network: Network, encoded: Sequence[Any]) -> Probabilities:
        """The network's answers, float32 (rows, classes), in order. None depends on the other rows."""

    def occlude(self, row: Any) -> Occluded:
        """The row without each of its parts."""
