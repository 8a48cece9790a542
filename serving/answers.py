"""Answers as JSON, written without their models (`serving.schemas`), whose checks our own values do not need."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pydantic_core import to_json

from serving.predictor import Prediction


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
