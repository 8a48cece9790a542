"""Answers as JSON, written without their models (`serving.schemas`), whose checks our own values do not need."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pydantic_core import to_json
from starlette.responses import Response

from serving.negotiation import VARY
from serving.predictor import Prediction

_HEADERS = [(b"content-type", b"application/json")] + [(name.lower().encode(), VARY[name].encode()) for name in VARY]


class JsonAnswer(Response):
    """Bytes of JSON with headers that are known: what Starlette makes of any headers takes as long as the JSON."""

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:  # noqa: ARG002
        self.raw_headers = [*_HEADERS, (b"content-length", b"%d" % len(self.body))]


def one_answer(text: str, prediction: Prediction, model_version: str) -> bytes:
    """A PredictionAnswer."""
    return to_json(_predicted_text(text, prediction) | {"model_version": model_version})


def answers(texts: Sequence[str], predictions: Sequence[Prediction], model_version: str) -> bytes:
    """A PredictionsAnswer."""
    items = [_predicted_text(text, prediction) for text, prediction in zip(texts, predictions, strict=True)]
    return to_json({"predictions": items, "model_version": model_version})


def _predicted_text(text: str, prediction: Prediction) -> dict[str, Any]:
    answer = {
        "text": text,
        "label": prediction.label,
        "probability": prediction.probability,
        "probabilities": prediction.probabilities,
        "truncated": prediction.truncated,
    }
    if prediction.explanation is not None:
        answer["explanation"] = list(map(asdict, prediction.explanation))
    return answer
