"""A predictor with the real one's contract and none of its weight, which a test can slow, stop and break."""

from collections.abc import Sequence
from dataclasses import replace
from threading import Event

from serving.errors import BundleError
from serving.model.explanation import cut_words
from serving.model.inputs.fields import FieldsInput
from serving.model.metadata import Metadata
from serving.model.types import Prediction, WeighedWord

LABELS = ("negative", "neutral", "positive")


def fake_metadata(labels: Sequence[str] = LABELS) -> Metadata:
    known = {"text": "ok", "probabilities": [1 / len(labels)] * len(labels)}
    return Metadata.model_validate(
        {"name": "fake", "model_version": "0123456789ab", "labels": list(labels), "files": {}, "known_answers": [known]}
        | {"temperature": 1.0, "seed": 1, "recipe": {}, "data": [], "split": {}, "cleaning": {}, "libraries": {}}
        | {"metrics": {"test": {"macro_f1": 0.5}}}
    )


class FakePredictor:
    """Likes "good" and dislikes "bad"; reads 20 words, and knows ASCII. `gate` holds it back while it is clear."""

    fields: FieldsInput | None = None
    is_light = False

    def __init__(self, labels: Sequence[str] = LABELS) -> None:
        self.metadata = fake_metadata(labels)
        self.gate = Event()
        self.gate.set()
        self.started = Event()
        self.seen: list[str] = []
        self.fault: Exception | None = None

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        self.started.set()
        assert self.gate.wait(timeout=60)
        self.seen += texts
        if self.fault:
            raise self.fault
        return [self._one(text) for text in texts]

    def explain(self, text: str) -> Prediction:
        (prediction,) = self.predict([text])
        words = enumerate(cut_words(text))
        explanation = [WeighedWord(w.word, w.start, w.end, _weight(w.word) if i < 20 else None) for i, w in words]
        return replace(prediction, explanation=tuple(explanation))

    def check(self) -> None:
        assert self.gate.wait(timeout=60)
        if self.fault:
            raise BundleError("the known answers do not hold") from self.fault

    def _one(self, text: str) -> Prediction:
        labels = self.metadata.labels
        winner = labels[-1] if "good" in text else labels[0] if "bad" in text else labels[len(labels) // 2]
        probabilities = {label: 0.2 / (len(labels) - 1) for label in labels} | {winner: 0.8}
        return Prediction(
            winner,
            max(probabilities.values()),
            probabilities,
            truncated=len(text.split()) > 20,
            in_vocabulary=sum(map(str.isascii, text)) / len(text) if text else 0.0,
            cut=max(0, len(text.split()) - 20),
        )


def _weight(word: str) -> float:
    return 0.7 if word in {"good", "bad"} else -0.05 if word == "not" else 0.0
