"""Behaviour suite: pairs of short texts by capability, each with what a model of sentiment must answer.

Ribeiro et al. 2020, Beyond Accuracy: Behavioral Testing of NLP Models with CheckList (https://arxiv.org/abs/2005.04118).
The pairs are in `behaviour.toml`. A failure rate is the share of pairs whose expectation a model does not meet.
"""

import hashlib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from training.types import Probabilities

SUITE: Final = Path(__file__).with_suffix(".toml")
OVER_ALL: Final = "over all"

Half = Literal["choosing", "measuring"]
Sentiment = Literal["negative", "neutral", "positive"]
HALVES: Final[tuple[Half, ...]] = get_args(Half)

# Probabilities of texts: (texts, classes), in the order of the labels that the model is asked about with.
Classifier = Callable[[Sequence[str]], Probabilities]


class BehaviourPair(BaseModel):
    """Two texts and one expectation.

    Attributes:
        name: Decides the half, and so never changes.
        texts: The pair.
        labels: The label that each text must have.
        same: Whether both must have the same label, whichever it is.
        rises: The class whose probability must be greater in the second text.
        by: By how much at least, in [0, 1].
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    texts: tuple[str, str]
    labels: tuple[Sentiment, Sentiment] | None = None
    same: Literal[True] | None = None
    rises: Sentiment | None = None
    by: float = Field(0.0, ge=0, le=1)

    @model_validator(mode="after")
    def _one_expectation(self) -> "BehaviourPair":
        if sum(expectation is not None for expectation in (self.labels, self.same, self.rises)) != 1:
            raise ValueError(f"{self.name}: accepted: one of labels, same and rises")
        return self

    @property
    def half(self) -> Half:
        """`choosing`, which may decide between models, or `measuring`, which decides nothing: by the name's hash."""
        return HALVES[hashlib.sha256(self.name.encode()).digest()[0] % len(HALVES)]

    @property
    def expectation(self) -> str:
        """What is expected, in words."""
        if self.labels:
            return ", then ".join(dict.fromkeys(self.labels))
        return f"{self.rises} rises by {self.by:g}" if self.rises else "the same label"

    def is_met(self, answers: Probabilities, labels: Sequence[str]) -> bool:
        """Whether a model's answers are as expected.

        Args:
            answers: Probabilities of the two texts, (2, classes).
            labels: The classes, in lower case.
        """
        predicted: list[str] = [labels[index] for index in answers.argmax(1).tolist()]
        if self.labels:
            return predicted == list(self.labels)
        if self.rises:
            column = labels.index(self.rises)
            return bool(answers[1, column] - answers[0, column] >= self.by)
        return predicted[0] == predicted[1]


@dataclass(frozen=True, slots=True)
class FailureCount:
    """How many pairs a model failed.

    Args:
        pairs: Those that it was asked.
        failures: Those that it did not answer as expected.
    """

    pairs: int
    failures: int

    @property
    def rate(self) -> float:
        """The share that failed."""
        return self.failures / self.pairs


@cache
def behaviour_suite() -> Mapping[str, Sequence[BehaviourPair]]:
    """Capability -> its pairs, both halves."""
    return TypeAdapter(dict[str, list[BehaviourPair]]).validate_python(tomllib.loads(SUITE.read_text(encoding="utf-8")))


def behaviour_texts() -> list[str]:
    """Every text of the suite, which nothing may learn from."""
    return [text for pairs in behaviour_suite().values() for pair in pairs for text in pair.texts]


def failed_pairs(classifier: Classifier, labels: Sequence[str], half: Half) -> dict[str, list[BehaviourPair]]:
    """Capability -> the pairs that a model fails; without pairs where it fails none.

    Args:
        classifier: The model.
        labels: Negative, neutral and positive, in the order of its answers; case does not matter.
        half: Which pairs to ask.
    """
    names = [label.casefold() for label in labels]
    asked = {capability: _of_half(pairs, half) for capability, pairs in behaviour_suite().items()}
    pairs = list(chain.from_iterable(asked.values()))
    answers = classifier([text for pair in pairs for text in pair.texts]).reshape(len(pairs), 2, len(names))
    failed = {pair.name for pair, of_pair in zip(pairs, answers, strict=True) if not pair.is_met(of_pair, names)}
    return {capability: [pair for pair in members if pair.name in failed] for capability, members in asked.items()}


def count_failures(classifier: Classifier, labels: Sequence[str], half: Half) -> dict[str, FailureCount]:
    """Capability -> how many pairs failed, and the same `over all`; the arguments are those of `failed_pairs`."""
    failed = failed_pairs(classifier, labels, half)
    counts = {
        capability: FailureCount(len(_of_half(pairs, half)), len(failed[capability]))
        for capability, pairs in behaviour_suite().items()
    }
    totals = (sum(count.pairs for count in counts.values()), sum(count.failures for count in counts.values()))
    return {**counts, OVER_ALL: FailureCount(*totals)}


def _of_half(pairs: Sequence[BehaviourPair], half: Half) -> list[BehaviourPair]:
    return [pair for pair in pairs if pair.half == half]
