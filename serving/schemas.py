"""The shapes of requests and answers, as the API's documentation shows them."""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from serving.predictor import Prediction

_EXAMPLE: dict[str, JsonValue] = {
    "text": "What a wonderful morning!",
    "label": "positive",
    "probability": 0.9312,
    "probabilities": {"negative": 0.0201, "neutral": 0.0487, "positive": 0.9312},
    "truncated": False,
}
_VERSION = "3f9a1c0be274"


class _Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class TextRequest(_Schema):
    """One text, as JSON or as a form."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "What a wonderful morning!"}]})

    text: str = Field(description="not blank, and of at most MAX_TEXT_CHARS characters (10,000 unless configured)")


class TextsRequest(_Schema):
    """Several texts, as JSON. One that is refused refuses the whole request."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"texts": ["What a wonderful morning!", "Late again."]}]})

    texts: list[str] = Field(
        min_length=1, description="as `text`; at most MAX_TEXTS of them (256 unless configured). Their order is kept"
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

    @classmethod
    def of(cls, text: str, prediction: Prediction) -> Self:
        return cls(
            text=text,
            label=prediction.label,
            probability=prediction.probability,
            probabilities=prediction.probabilities,
            truncated=prediction.truncated,
        )


class PredictionAnswer(PredictedText):
    """The answer to one text."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_EXAMPLE, "model_version": _VERSION}]})

    model_version: str = Field(description="which model answered")


class PredictionsAnswer(_Schema):
    """The answer to several texts, in the order of the request."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"predictions": [_EXAMPLE], "model_version": _VERSION}]})

    predictions: list[PredictedText]
    model_version: str = Field(description="which model answered")

    @classmethod
    def of(cls, texts: Sequence[str], predictions: Sequence[Prediction], model_version: str) -> Self:
        items = [PredictedText.of(text, prediction) for text, prediction in zip(texts, predictions, strict=True)]
        return cls(predictions=items, model_version=model_version)

    def only(self) -> PredictionAnswer:
        """The answer to a request for one text."""
        (item,) = self.predictions
        return PredictionAnswer(**item.model_dump(), model_version=self.model_version)


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
