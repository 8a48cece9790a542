"""Parts with the real ones' contract and none of their weight, which a test can slow, stop and break."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING, Any, cast

from serving.errors import BundleError, DatabaseError
from serving.feedback.corrections import Correction, StoredCorrection, read_cursor
from serving.feedback.service import Feedback
from serving.model.explanation import cut_words
from serving.model.inputs.fields import FieldsInput
from serving.model.metadata import Metadata
from serving.model.types import Prediction, WeighedWord

if TYPE_CHECKING:
    from serving.feedback.store import CorrectionStore

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


class FakeStore:
    """A store of corrections with the real one's contract, in memory. `gate` holds it back while it is clear."""

    name = "memory"

    def __init__(self) -> None:
        self.kept: list[StoredCorrection] = []
        self.gate = Event()
        self.gate.set()
        self.fault: DatabaseError | None = None

    def prepare(self) -> None:
        assert self.gate.wait(timeout=60)
        if self.fault:
            raise self.fault

    def add(self, correction: Correction) -> str:
        self.prepare()
        if correction.id not in [kept.id for kept in self.kept]:
            created = datetime(2026, 1, 1, second=len(self.kept), tzinfo=UTC)
            self.kept.append(StoredCorrection(correction.id, created, **asdict(correction)))
        return correction.id

    def page(self, limit: int, after: str | None = None) -> list[StoredCorrection]:
        self.prepare()
        place = read_cursor(after) if after is not None else None
        return [kept for kept in self.kept if not place or (kept.created, kept.id) > place][:limit]

    def delete(self, id: str) -> bool:
        self.prepare()
        before, self.kept = len(self.kept), [kept for kept in self.kept if kept.id != id]
        return len(self.kept) < before

    def delete_older_than(self, days: int) -> int:  # noqa: ARG002
        return 0

    def close(self) -> None:
        pass


def fake_feedback(store: FakeStore, **limits: Any) -> Feedback:
    """Corrections as the service keeps them, in such a store."""
    return Feedback(cast("CorrectionStore", store), **limits)
