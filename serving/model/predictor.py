"""Predictor of a bundle: the one inference path of the service, of scoring and of training's evaluation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from serving import process
from serving.errors import BundleError
from serving.model.bundle import METADATA, NETWORK, Bundle
from serving.model.inputs.base import ModelInput, RowFacts
from serving.model.inputs.fields import FieldsInput
from serving.model.inputs.text import TextInput
from serving.model.metadata import DEFAULT_THRESHOLD, Metadata, Row
from serving.model.network import Network
from serving.model.types import Prediction

KNOWN_ANSWER_TOLERANCE = 1e-4


class PredictorLike(Protocol):
    """What the service asks of a predictor; `Predictor` is the real one. One thread calls it."""

    @property
    def metadata(self) -> Metadata:
        """What the bundle says of itself."""

    @property
    def fields(self) -> FieldsInput | None:
        """The fields that its rows have; None where a row is a text."""

    @property
    def is_light(self) -> bool:
        """Whether a row is less work than to wake a thread for it."""

    def predict(self, rows: Sequence[Any]) -> list[Prediction]:
        """One prediction a row, in order; texts may be of any length."""

    def explain(self, row: Any) -> Prediction:
        """What `predict` answers to this one row, with an explanation."""

    def check(self) -> None:
        """Raises an exception where the known answers do not hold."""


class Predictor:
    """A bundle that answers. Safe to call from several threads.

    Args:
        network: from what it reads of rows to probabilities.
        model_input: from rows to what the network reads.
        metadata: what the bundle says of itself.

    Raises:
        BundleError: they do not fit each other, or a known answer is off.
    """

    def __init__(self, network: Network, model_input: ModelInput, metadata: Metadata) -> None:
        self.network, self.input, self.metadata = network, model_input, metadata
        self._has_threshold = metadata.decision_threshold != DEFAULT_THRESHOLD
        self._check_labels()
        model_input.check(network, metadata)
        self.check()

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1) -> "Predictor":
        """Read and verify a bundle.

        Args:
            folder: with the bundle's files.
            threads: that one call of the network may use.

        Raises:
            BundleError: the sentence names the file and the fault.
        """
        bundle = Bundle.read(folder)
        predictor = cls(Network(bundle.network, threads=threads), read_input(bundle), bundle.metadata)
        process.trim()
        return predictor

    @property
    def fields(self) -> FieldsInput | None:
        """See PredictorLike."""
        return self.input if isinstance(self.input, FieldsInput) else None

    @property
    def is_light(self) -> bool:
        """See PredictorLike."""
        return self.input.is_light(self.network)

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """One prediction a row, in order: a row is a text, or fields. An answer does not depend on the other rows.

        Raises:
            RuntimeError: the tokenizers library fails on a text.
            InvalidFields: a row of fields is not one that the model knows.
        """
        encoded, facts = self.input.encode(rows)
        answers = self.input.run(self.network, encoded).tolist()
        return [self._prediction(*answer) for answer in zip(answers, facts, strict=True)]

    def explain(self, row: Row) -> Prediction:
        """What `predict` answers to this one row, and the weight of each of its words or fields."""
        occluded = self.input.occlude(row)
        probabilities = self.input.run(self.network, occluded.encoded)
        _, (facts,) = self.input.encode([row])
        prediction = self._prediction(probabilities[0].tolist(), facts)
        label = self.metadata.labels.index(prediction.label)
        return occluded.explained(prediction, probabilities, label)

    def check(self) -> None:
        """Ask the known answers.

        Raises:
            BundleError: one is off by more than KNOWN_ANSWER_TOLERANCE.
        """
        answers = self.metadata.known_answers
        encoded, _ = self.input.encode([answer.row for answer in answers])
        for answer, row in zip(answers, self.input.run(self.network, encoded), strict=True):
            error = float(np.abs(row - np.array(answer.probabilities)).max())
            if not error <= KNOWN_ANSWER_TOLERANCE:
                raise BundleError(
                    f"{NETWORK}: the known answer for {answer.row!r} is off by {error:.2g}; "
                    f"accepted: {KNOWN_ANSWER_TOLERANCE}. {METADATA} does not belong to it"
                )

    def _prediction(self, row: list[float], facts: RowFacts) -> Prediction:
        probabilities = dict(zip(self.metadata.labels, row, strict=True))
        label = self._decide(row) if self._has_threshold else max(probabilities, key=probabilities.__getitem__)
        truncated, in_vocabulary, cut = facts
        return Prediction(label, probabilities[label], probabilities, truncated, in_vocabulary, cut=cut)

    def _decide(self, row: list[float]) -> str:
        return self.metadata.labels[row[1] > self.metadata.decision_threshold]

    def _check_labels(self) -> None:
        network, labels = self.network, self.metadata.labels
        if network.classes != len(labels):
            raise BundleError(f"{METADATA}: has {len(labels)} labels, {NETWORK} gives {network.classes} probabilities")
        if len(set(labels)) != len(labels) or any(
            len(a.probabilities) != len(labels) for a in self.metadata.known_answers
        ):
            raise BundleError(f"{METADATA}: labels {labels} are not distinct or its known answers are of other labels")


def text_input(predictor: Predictor) -> TextInput:
    """The input of a model of texts. Raises BundleError where it is one of fields."""
    if not isinstance(predictor.input, TextInput):
        raise BundleError(f"{METADATA}: has inputs {predictor.metadata.inputs!r}; accepted here: 'text'")
    return predictor.input


def read_input(bundle: Bundle) -> ModelInput:
    """The kind of input that a bundle has, from its file. Raises BundleError."""
    metadata = bundle.metadata
    if metadata.inputs == "fields":
        return FieldsInput.read(bundle.input_file)
    return TextInput.read(bundle.input_file, metadata.text_rules)
