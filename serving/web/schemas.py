"""Response models: what the API answers, as its documentation shows it, and predictions as such answers."""

import operator
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic_core import to_json
from starlette.responses import Response

from serving.model.types import Prediction
from serving.web.requests.headers import VARY

_EXAMPLE: dict[str, JsonValue] = {
    "text": "What a wonderful morning!",
    "label": "positive",
    "probability": 0.9312,
    "probabilities": {"negative": 0.0201, "neutral": 0.0487, "positive": 0.9312},
    "truncated": False,
}
_OTHER_EXAMPLE: dict[str, JsonValue] = {
    "text": "Late again.",
    "label": "negative",
    "probability": 0.8127,
    "probabilities": {"negative": 0.8127, "neutral": 0.1534, "positive": 0.0339},
    "truncated": False,
}
_EXPLANATION: list[JsonValue] = [
    {"word": "What", "start": 0, "end": 4, "weight": 0.0117},
    {"word": "a", "start": 5, "end": 6, "weight": 0.0032},
    {"word": "wonderful", "start": 7, "end": 16, "weight": 0.4871},
    {"word": "morning", "start": 17, "end": 24, "weight": 0.0246},
    {"word": "!", "start": 24, "end": 25, "weight": 0.0583},
]
_VERSION = "3f9a1c0be274"


class _Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class ExplainedWord(_Schema):
    """A word and how much it speaks for the label. See docs/explanations.md."""

    word: str
    start: int = Field(description="where it starts in `text`, in Unicode code points")
    end: int = Field(description="where it ends: `word` is `text[start:end]`")
    weight: float | None = Field(
        description="the label's probability less its probability where the word is left out, so from -1 to 1; "
        "null where it was not tried, because the model does not read that far"
    )


class PredictedText(_Schema):
    """What the model makes of one text."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    text: str = Field(description="as it was sent; a form's CR LF line breaks are LF")
    label: str = Field(description="the most probable label")
    probability: float = Field(description="that label's probability")
    probabilities: dict[str, float] = Field(description="every label's probability, in the model's order")
    truncated: bool = Field(
        description="whether the text is longer than the model takes, so that only its start counted"
    )
    explanation: list[ExplainedWord] = Field(
        default_factory=list, description="the text's words in order; only where `explain` was true"
    )


class PredictionAnswer(PredictedText):
    """The answer to one text."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {**_EXAMPLE, "model_version": _VERSION},
                {**_EXAMPLE, "explanation": _EXPLANATION, "model_version": _VERSION},
            ]
        }
    )

    model_version: str = Field(description="which model answered")


class PredictionsAnswer(_Schema):
    """The answer to several texts, in the order of the request."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"predictions": [_EXAMPLE, _OTHER_EXAMPLE], "model_version": _VERSION}]}
    )

    predictions: list[PredictedText]
    model_version: str = Field(description="which model answered")


class ErrorAnswer(_Schema):
    """Every error."""

    detail: str = Field(description="a sentence: what was wrong, what was found, what is accepted")
    code: str = Field(description="what to switch on; it stays the same where the sentence changes")
    request_id: str = Field(description="also in the X-Request-ID header, and in the server's log")
    columns: list[str] = Field(
        [],
        exclude_if=operator.not_,
        description="the names to choose `text_column` from; only of a file of which it is not clear",
    )


class ServiceAnswer(_Schema):
    """What this service is and where to go from here."""

    name: str
    version: str
    links: dict[str, str] = Field(description="what -> path")


class HealthAnswer(_Schema):
    """The service's own state."""

    status: str = Field(examples=["alive"])


_HEADERS = [(b"content-type", b"application/json")] + [(name.lower().encode(), VARY[name].encode()) for name in VARY]


class JsonAnswer(Response):
    """Bytes of JSON with headers that are known: what Starlette makes of any headers takes as long as the JSON."""

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:  # noqa: ARG002
        """Set the headers that every such answer has."""
        self.raw_headers = [*_HEADERS, (b"content-length", b"%d" % len(self.body))]


Answer = dict[str, Any]

# Of a prediction the answer has what PredictedText documents, in that order.
_NAMES = [name for name in PredictedText.model_fields if name in Prediction.__dataclass_fields__]


def predicted_text(text: str, prediction: Prediction) -> Answer:
    """Build the PredictedText of one text. What was not asked for is None in a prediction, and left out here."""
    answer: Answer = {"text": text}
    for name in _NAMES:
        value = getattr(prediction, name)
        if value is not None:
            answer[name] = value
    return answer


def predicted_texts(texts: Sequence[str], predictions: Sequence[Prediction]) -> list[Answer]:
    """Build the PredictedText of each text of a request."""
    return [predicted_text(text, prediction) for text, prediction in zip(texts, predictions, strict=True)]


def json_answer(answers: list[Answer], model_version: str, *, several: bool) -> JsonAnswer:
    """Answer a request for one text as PredictionAnswer, or one for several as PredictionsAnswer."""
    answer: Answer = {"predictions": answers} if several else answers[0]
    return JsonAnswer(to_json({**answer, "model_version": model_version}))
