"""The shapes of requests and answers, as the API's documentation shows them, and answers as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic_core import to_json
from starlette.responses import Response

from serving.model.types import Prediction, WeighedWord
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


class TextRequest(_Schema):
    """One text, as JSON or as a form."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"text": "What a wonderful morning!"},
                {"text": "What a wonderful morning!", "explain": True},
            ]
        }
    )

    text: str = Field(description="not blank, and of at most MAX_TEXT_CHARS characters (10,000 unless configured)")
    explain: bool = Field(
        False,
        description="whether the answer gives each word's weight. A form says `true`, `on`, `yes` or `1`; "
        "or `false`, `off`, `no`, `0` or nothing",
    )


class TextsRequest(_Schema):
    """Several texts, as JSON. One that is refused refuses the whole request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"texts": ["What a wonderful morning!", "Late again."]},
                {"texts": ["What a wonderful morning!", "Late again."], "explain": True},
            ]
        }
    )

    texts: list[str] = Field(
        min_length=1, description="as `text`; at most MAX_TEXTS of them (128 unless configured). Their order is kept"
    )
    explain: bool = Field(
        False,
        description="whether the answers give each word's weight; then at most MAX_EXPLAINED texts (16 unless set)",
    )


class ExplainedWord(_Schema):
    """A word and how much it speaks for the label. See docs/explanations.md."""

    word: str
    start: int = Field(description="where it starts in `text`, in Unicode code points")
    end: int = Field(description="where it ends: `word` is `text[start:end]`")
    weight: float | None = Field(
        description="the label's probability less its probability where the word is left out, so from -1 to 1; "
        "null where it was not tried, because the model does not read that far"
    )

    @classmethod
    def of(cls, word: WeighedWord) -> Self:
        return cls(word=word.word, start=word.start, end=word.end, weight=word.weight)


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

    @classmethod
    def of(cls, text: str, prediction: Prediction) -> Self:
        explained = prediction.explanation
        asked = {} if explained is None else {"explanation": [ExplainedWord.of(word) for word in explained]}
        return cls(
            text=text,
            label=prediction.label,
            probability=prediction.probability,
            probabilities=prediction.probabilities,
            truncated=prediction.truncated,
            **asked,
        )

    @property
    def explained(self) -> bool:
        """Whether an explanation was asked for: a text of no words has an empty one."""
        return "explanation" in self.model_fields_set


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

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "detail": "`text` is empty; accepted is a text with something to read.",
                    "code": "text_blank",
                    "request_id": "0f8b5a0e6b7c4d0e9f3a",
                }
            ]
        }
    )

    detail: str = Field(description="a sentence: what was wrong, what was found, what is accepted")
    code: str = Field(description="what to switch on; it stays the same where the sentence changes")
    request_id: str = Field(description="also in the X-Request-ID header, and in the server's log")


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
