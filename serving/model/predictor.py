"""Predictor of a bundle: the one inference path of the service, of scoring and of training's evaluation."""

import operator
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from serving import process
from serving.errors import BundleError
from serving.model.bundle import METADATA, NETWORK, TOKENIZER, Bundle
from serving.model.explanation import Occlusion
from serving.model.keras_encoder import KerasEncoder
from serving.model.metadata import DEFAULT_THRESHOLD, Metadata
from serving.model.network import Network
from serving.model.tokenizer import Encoded, Encoder, read_content
from serving.model.types import Prediction, Probabilities

# Texts that the network computes at once: matrices of 12 rows fill the processor's vector registers (AVX-512; AVX2's 6
# twice) as well as any larger ones do, and the fewer texts there are, the less padding.
BATCH = 12

KNOWN_ANSWER_TOLERANCE = 1e-4


class Predictor:
    """A bundle that answers. Safe to call from several threads.

    Args:
        network: from token ids to probabilities.
        encoder: from texts to token ids.
        metadata: what the bundle says of itself.

    Raises:
        BundleError: they do not fit each other, or a known answer is off.
    """

    def __init__(self, network: Network, encoder: Encoder, metadata: Metadata) -> None:
        self.network, self.encoder, self.metadata = network, encoder, metadata
        self._has_threshold = metadata.decision_threshold != DEFAULT_THRESHOLD
        self._check_inputs()
        self._check_shapes()
        encoder.check_growth([answer.text for answer in metadata.known_answers])
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
        rules = bundle.metadata.text_rules
        encoder = KerasEncoder(read_content(bundle.tokenizer), rules) if rules else Encoder.read(bundle.tokenizer)
        predictor = cls(Network(bundle.network, threads=threads), encoder, bundle.metadata)
        process.trim()
        return predictor

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction a text, in order. An answer does not depend on the other texts.

        Raises:
            RuntimeError: the tokenizers library fails on a text.
        """
        encoded, shares = self.encoder.encode_with_shares(texts)
        rows = self.probabilities(encoded).tolist()
        return [self._prediction(*facts) for facts in zip(rows, encoded, shares, strict=True)]

    def explain(self, text: str) -> Prediction:
        """What `predict` answers to this one text, and the weight of each of its words."""
        occlusion = Occlusion(text, self.encoder)
        probabilities = self.probabilities(occlusion.encoded)
        (encoded,), (share,) = self.encoder.encode_with_shares([text])
        prediction = self._prediction(probabilities[0].tolist(), encoded, share)
        label = self.metadata.labels.index(prediction.label)
        return replace(prediction, explanation=occlusion.weigh(probabilities, label))

    def check(self) -> None:
        """Ask the known answers.

        Raises:
            BundleError: one is off by more than KNOWN_ANSWER_TOLERANCE.
        """
        answers = self.metadata.known_answers
        probabilities = self.probabilities(self.encoder.encode([answer.text for answer in answers]))
        for answer, row in zip(answers, probabilities, strict=True):
            error = float(np.abs(row - np.array(answer.probabilities)).max())
            if not error <= KNOWN_ANSWER_TOLERANCE:
                raise BundleError(
                    f"{NETWORK}: the known answer for {answer.text!r} is off by {error:.2g}; "
                    f"accepted: {KNOWN_ANSWER_TOLERANCE}. {METADATA} does not belong to it"
                )

    def probabilities(self, encoded: Sequence[Encoded]) -> Probabilities:
        """The network's answers, float32 (texts, classes), in order. Texts near in length are computed together."""
        probabilities = np.empty((len(encoded), self.network.classes), dtype=np.float32)
        lengths = np.array([len(item.ids) for item in encoded])
        for group in self._groups(lengths, np.argsort(lengths, kind="stable")):
            for start in range(0, len(group), BATCH):
                rows = group[start : start + BATCH]
                probabilities[rows] = self.network.run(*self.encoder.pad_batch([encoded[row] for row in rows]))
        return probabilities

    def _groups(self, lengths: npt.NDArray[np.intp], order: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
        """What may be computed together: all that is masked, but only texts of one length where padding is read."""
        if self.network.masked:
            return [order]
        return np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1)

    def _prediction(self, row: list[float], encoded: Encoded, in_vocabulary: float) -> Prediction:
        probabilities = dict(zip(self.metadata.labels, row, strict=True))
        label = self._decide(row) if self._has_threshold else max(probabilities, key=probabilities.__getitem__)
        return Prediction(label, probabilities[label], probabilities, encoded.truncated, in_vocabulary, cut=encoded.cut)

    def _decide(self, row: list[float]) -> str:
        return self.metadata.labels[row[1] > self.metadata.decision_threshold]

    def _check_inputs(self) -> None:
        if self.metadata.inputs != "text":
            raise BundleError(f"{METADATA}: has inputs {self.metadata.inputs!r}; accepted: 'text'")

    def _check_shapes(self) -> None:
        network, encoder, labels = self.network, self.encoder, self.metadata.labels
        # An Embedding of Keras often has more rows than its Tokenizer has words.
        fits = operator.ge if self.metadata.text_rules else operator.eq
        if not fits(network.vocabulary, encoder.vocabulary_size):
            raise BundleError(
                f"{TOKENIZER}: has {encoder.vocabulary_size} tokens, {NETWORK} embeds {network.vocabulary}; "
                f"they must be equal{', or fewer' if self.metadata.text_rules else ''}"
            )
        if network.classes != len(labels):
            raise BundleError(f"{METADATA}: has {len(labels)} labels, {NETWORK} gives {network.classes} probabilities")
        if len(set(labels)) != len(labels) or any(
            len(a.probabilities) != len(labels) for a in self.metadata.known_answers
        ):
            raise BundleError(f"{METADATA}: labels {labels} are not distinct or its known answers are of other labels")
        self._check_padding()

    def _check_padding(self) -> None:
        length, steps, masked = self.encoder.fixed_length, self.network.steps, self.network.masked
        # A text of an adopted bundle may be without padding, as one alone is to Keras; training pads all to one length.
        if not masked and length is None and not self.metadata.text_rules:
            raise BundleError(f"{TOKENIZER}: pads by batch, but {NETWORK} reads padding; accepted: a fixed length")
        # Only id 0 is masked.
        if masked and (length is None) != (self.encoder.pad_id == 0):
            raise BundleError(
                f"{TOKENIZER}: pads to a length; accepted with the masking {NETWORK}: by batch, with id 0"
            )
        if steps is not None and steps != length:
            raise BundleError(f"{TOKENIZER}: pads to {length} tokens, {NETWORK} takes {steps}")
