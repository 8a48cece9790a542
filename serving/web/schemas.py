"""Response models: what the API answers, as its documentation shows it, and predictions as such answers."""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic_core import to_json
from starlette.responses import Response

from serving.errors import RequestError
from serving.model.types import Prediction, WeighedWord, rounded
from serving.web.requests.headers import VARY

_EXAMPLE: dict[str, JsonValue] = {
    "text": "What a wonderful morning!",
    "label": "positive",
    "probability": 0.9312,
    "probabilities": {"negative": 0.0201, "neutral": 0.0487, "positive": 0.9312},
    "truncated": False,
    "in_vocabulary": 1.0,
}
_OTHER_EXAMPLE: dict[str, JsonValue] = {
    "text": "Late again.",
    "label": "negative",
    "probability": 0.8127,
    "probabilities": {"negative": 0.8127, "neutral": 0.1534, "positive": 0.0339},
    "truncated": False,
    "in_vocabulary": 1.0,
}
_REFUSED_EXAMPLE: dict[str, JsonValue] = {
    "text": "",
    "error": {"detail": "`texts[1]` is empty; accepted is a text with something to read.", "code": "text_blank"},
}
_EXPLANATION: list[JsonValue] = [
    {"word": "What", "start": 0, "end": 4, "weight": 0.0117},
    {"word": "a", "start": 5, "end": 6, "weight": 0.0032},
    {"word": "wonderful", "start": 7, "end": 16, "weight": 0.4871},
    {"word": "morning", "start": 17, "end": 24, "weight": 0.0246},
    {"word": "!", "start": 24, "end": 25, "weight": 0.0583},
]
_VERSION = "3f9a1c0be274"
_ID = "2c26b46b68ffc68ff99b453c1d304134"
_CORRECTION_EXAMPLE: dict[str, JsonValue] = {
    "id": _ID,
    "created": "2026-01-01T00:00:00Z",
    "text": "What a wonderful morning!",
    "label": "negative",
    "correct": "positive",
    "model_version": _VERSION,
    "note": "",
}
USAGE = (
    'Predictions are asked for by POST to this address: with JSON, {"text": "..."} or {"texts": ["...", ...]}, or with '
    "a form that has the field `text`."
)


class Schema(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class ExplainedWord(Schema):
    """A word and how much it speaks for the label. See docs/explanations.md."""

    word: str
    start: int = Field(description="where it starts in `text`, in Unicode code points")
    end: int = Field(description="where it ends: `word` is `text[start:end]`")
    weight: float | None = Field(
        description="the label's probability less its probability where the word is left out, so from -1 to 1, with "
        "six digits; null where it was not tried, because the model does not read that far"
    )


class PredictedText(Schema):
    """What the model makes of one text."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    text: str = Field(description="as it was sent; a form's CR LF line breaks are LF")
    label: str = Field(description="the most probable label")
    probability: float = Field(description="that label's probability, with six digits")
    probabilities: dict[str, float] = Field(description="every label's probability, in the model's order")
    truncated: bool = Field(
        description="whether the text is longer than the model takes, so that only a part of it counted"
    )
    in_vocabulary: float = Field(
        ge=0,
        le=1,
        description="the share of the text's characters, but for white space, that the model has pieces for. Where it "
        "is low, as for a language that the model has not learned, the answer says little. A link, a handle or an "
        "emoticon counts as one character, and a word that comes apart into single characters as unknown",
    )
    uncertain: bool = Field(
        False,
        description="whether the label has less than `min_probability`; only where that was sent, or MIN_PROBABILITY "
        "is set",
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
                {**_EXAMPLE, "uncertain": True, "model_version": _VERSION},
            ]
        }
    )

    model_version: str = Field(description="which model answered")


class TextError(Schema):
    """Why a text was refused."""

    detail: str = Field(description="a sentence: what was wrong, what was found, what is accepted")
    code: str = Field(description="what to switch on; it stays the same where the sentence changes")


class RefusedText(Schema):
    """A text that was refused, among others that were answered."""

    model_config = ConfigDict(json_schema_extra={"examples": [_REFUSED_EXAMPLE]})

    text: str = Field("", description="as it was sent; missing where that was no string of Unicode characters")
    error: TextError


class PredictionsAnswer(Schema):
    """The answer to several texts, in the order of the request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"predictions": [_EXAMPLE, _OTHER_EXAMPLE], "model_version": _VERSION},
                {"predictions": [_EXAMPLE, _REFUSED_EXAMPLE], "model_version": _VERSION},
            ]
        }
    )

    predictions: list[PredictedText | RefusedText] = Field(
        description="one for each text; one with an `error` only where `partial` was true"
    )
    model_version: str = Field(description="which model answered")


class ErrorAnswer(Schema):
    """Every error."""

    detail: str = Field(description="a sentence: what was wrong, what was found, what is accepted")
    code: str = Field(description="what to switch on; it stays the same where the sentence changes")
    request_id: str = Field(description="also in the X-Request-ID header, and in the server's log")
    columns: list[str] = Field(
        [],
        exclude_if=operator.not_,
        description="the names to choose `text_column` from; only of a file of which it is not clear",
    )


class ServiceAnswer(Schema):
    """What this service is and where to go from here."""

    name: str
    version: str
    links: dict[str, str] = Field(description="what -> path")


class UsageAnswer(Schema):
    """How to ask for predictions."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "detail": USAGE,
                    "example": {"text": "What a wonderful morning!"},
                    "links": {"predict": "/predict", "openapi": "/openapi.json"},
                }
            ]
        }
    )

    detail: str = Field(description="a sentence")
    example: dict[str, str] = Field(description="a body to send")
    links: dict[str, str] = Field(description="what -> path")


class HealthAnswer(Schema):
    """The service's own state."""

    status: str = Field(examples=["alive"])


class ReadyAnswer(HealthAnswer):
    """The service's own state, where users may correct it."""

    feedback: str = Field(
        description="whether the database of corrections answered when it was last asked: `available`, `unavailable`, "
        "or `unknown` before that"
    )


class NotedAnswer(Schema):
    """A correction that is kept."""

    id: str = Field(description="by which it can be deleted; the same one again has the same", examples=[_ID])


class CorrectionAnswer(NotedAnswer):
    """A correction as it is kept."""

    created: datetime = Field(description="when it came first")
    text: str
    label: str = Field(description="the model's answer")
    correct: str = Field(description="the right label")
    model_version: str = Field(description="which model answered; empty where that was not said")
    note: str


class CorrectionsAnswer(Schema):
    """A page of corrections, the oldest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"corrections": [_CORRECTION_EXAMPLE], "next": f"feedback?limit=1&after=1767225600000000-{_ID}"},
            ]
        }
    )

    corrections: list[CorrectionAnswer]
    next: str | None = Field(description="the next page's address, relative to this one's; null where there is none")


_HEADERS = [(b"content-type", b"application/json")] + [(name.lower().encode(), VARY[name].encode()) for name in VARY]


class JsonAnswer(Response):
    """Bytes of JSON with headers that are known: what Starlette makes of any headers takes as long as the JSON."""

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:  # noqa: ARG002
        """Set the headers that every such answer has."""
        self.raw_headers = [*_HEADERS, (b"content-length", b"%d" % len(self.body))]


Answer = dict[str, Any]


def predicted_text(text: str, prediction: Prediction, min_probability: float | None = None) -> Answer:
    """Build the PredictedText of one text. What was not asked for is left out."""
    facts = {"truncated": prediction.truncated, "in_vocabulary": rounded(prediction.in_vocabulary)}
    answer = predicted({"text": text}, prediction, facts, min_probability)
    if prediction.explanation is not None:
        answer["explanation"] = [_rounded_word(word) for word in prediction.explanation]
    return answer


def predicted(row: Answer, prediction: Prediction, facts: Answer, min_probability: float | None) -> Answer:
    """Build what is answered of a row of any kind, which begins with the row and has `facts` of its kind."""
    answer = {
        **row,
        "label": prediction.label,
        "probability": rounded(prediction.probability),
        "probabilities": {label: rounded(probability) for label, probability in prediction.probabilities.items()},
        **facts,
    }
    if min_probability is not None:
        answer["uncertain"] = prediction.is_uncertain(min_probability)
    return answer


def _rounded_word(word: WeighedWord) -> WeighedWord:
    return word if word.weight is None else replace(word, weight=rounded(word.weight))


def predicted_texts(
    texts: Sequence[str], predictions: Sequence[Prediction], min_probability: float | None = None
) -> list[Answer]:
    """Build the PredictedText of each text of a request."""
    return [
        predicted_text(text, prediction, min_probability) for text, prediction in zip(texts, predictions, strict=True)
    ]


def refused_text(error: RequestError) -> Answer:
    """Build the RefusedText of an error."""
    text = {} if error.row is None else {"text": error.row}
    return text | {"error": {"detail": error.detail, "code": error.error_code}}


def with_refused(answers: Sequence[Answer], refused: Mapping[int, Answer]) -> list[Answer]:
    """Put what is answered of each refused row in the place that the row had in its request."""
    complete = list(answers)
    for place in sorted(refused):
        complete.insert(place, refused[place])
    return complete


def json_answer(answers: list[Answer], model_version: str, *, several: bool) -> JsonAnswer:
    """Answer a request for one text as PredictionAnswer, or one for several as PredictionsAnswer."""
    answer: Answer = {"predictions": answers} if several else answers[0]
    return JsonAnswer(to_json({**answer, "model_version": model_version}))
