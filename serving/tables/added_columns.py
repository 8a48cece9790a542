"""Added columns: what a prediction adds to a row, the same in every format."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

from serving.model.types import Prediction, rounded

# Name and Arrow type (or its alias) of each column. Not a dict: names may be empty, or the same.
Columns = list[tuple[str, Any]]

PREFIX = "predicted_"


class RowResult(NamedTuple):
    """What is added to one row: a prediction, or the reason why there is none, or what else is wrong with the row."""

    prediction: Prediction | None
    error: str = ""


class Fact(NamedTuple):
    """A column that tells of a row something beside its probabilities: name, Arrow type, and its value."""

    name: str
    kind: str
    value: Callable[[Prediction], Any]


@dataclass(frozen=True, slots=True)
class AddedColumns:
    """What the predictions of a model add.

    Attributes:
        labels: of the model.
        facts: columns for what is told of a row beside its probabilities.
    """

    labels: Sequence[str]
    facts: Sequence[Fact] = ()

    def telling_uncertain(self, min_probability: float | None) -> Self:
        """The same, with a column for whether the label has less than a probability; None for no such column."""
        if min_probability is None:
            return self
        fact = Fact("uncertain", "bool", lambda prediction: prediction.is_uncertain(min_probability))
        return replace(self, facts=(*self.facts, fact))

    def columns(self, own_names: Collection[str]) -> Columns:
        """Name and Arrow type of each; all begin with `predicted_`, or more of it, where the file has such a name."""
        added: Columns = [
            ("label", "string"),
            *[(name, "double") for name in ("probability", *(f"p_{label}" for label in self.labels))],
            *[(fact.name, fact.kind) for fact in self.facts],
            ("error", "string"),
        ]
        prefix = ""
        while any(prefix + name in own_names for name, _ in added):
            prefix += PREFIX
        return [(prefix + name, kind) for name, kind in added]

    def values(self, result: RowResult) -> list[Any]:
        """The values of `columns` in one row, None where there is nothing to say."""
        prediction = result.prediction
        if prediction is None:
            return [None] * (2 + len(self.labels) + len(self.facts)) + [result.error or None]
        probabilities = [rounded(p) for p in (prediction.probability, *prediction.probabilities.values())]
        facts = [fact.value(prediction) for fact in self.facts]
        return [prediction.label, *probabilities, *facts, result.error or None]


def with_surplus(result: RowResult, surplus: Sequence[Any]) -> RowResult:
    """The result whose error also tells the cells beyond the last column, for a format that has no place for them."""
    beyond = f"beyond the last: {', '.join(map(repr, surplus))}" if surplus else ""
    return result._replace(error="; ".join(filter(None, (result.error, beyond))))
