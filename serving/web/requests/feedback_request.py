"""Requests about corrections: their models, and their validation as JSON, as an HTML form and as a query."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from serving.errors import InvalidCorrection
from serving.feedback.corrections import Correction
from serving.settings import Settings
from serving.web.requests.forms import MAX_FIELDS, Fields, json_advice
from serving.web.requests.parsing import json_type, parse_json, shown
from serving.web.requests.predict_request import Text
from serving.web.requests.validation_errors import JSON_ERRORS as TEXT_ERRORS
from serving.web.requests.validation_errors import ErrorTable, most_important

_SHOWN_LABELS = 20  # as many as one would look through for the right one

Model = TypeVar("Model", bound=BaseModel)

_EXAMPLE: dict[str, JsonValue] = {"text": "What a wonderful morning!", "label": "negative", "correct": "positive"}


class CorrectionRequest(BaseModel):
    """What a user says of an answer, as JSON or as a form."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        protected_namespaces=(),
        json_schema_extra={
            "examples": [_EXAMPLE, {**_EXAMPLE, "model_version": "3f9a1c0be274", "note": "No irony here."}]
        },
    )

    text: Text = Field(description="as it was classified: not blank, and of at most MAX_TEXT_CHARS characters")
    label: str = Field(description="the model's answer")
    correct: str = Field(description="the right label. It may be the answer, which is then confirmed")
    model_version: Annotated[str, Field(max_length=64)] = Field("", description="which model answered")
    note: Annotated[str, Field(max_length=1000)] = Field("", description="what else there is to say")


class PageRequest(BaseModel):
    """Which corrections are asked for, as the query of an address."""

    limit: int = Field(100, ge=1, le=1000, description="how many at most")
    after: str = Field("", description="where the page before ended, as its `next` says")
    format: Literal["", "json", "csv"] = Field("", description="of the answer. Default: as `Accept` asks for, or JSON")


_FIELDS = tuple(CorrectionRequest.model_fields)
WANTED = "`text`, `label` and `correct`, and perhaps `model_version` and `note`"
_SURROGATE = "text_not_unicode", "{name} has a lone surrogate, which is no Unicode text; accepted are whole characters."

# As the tables of `validation_errors`.
JSON_ERRORS: ErrorTable = {
    ("extra_forbidden", ""): ("unknown_key", f"The JSON has the unknown key {{key}}; accepted are {WANTED}."),
    ("string_unicode", ""): ("unknown_key", f"The JSON has the unknown key {{value}}; accepted are {WANTED}."),
    **{
        ("missing", field): (f"{field}_missing", f"The request has no `{field}`; accepted are {WANTED}.")
        for field in ("text", "label", "correct")
    },
    **{("string_type", field): (f"{field}_not_string", "{name} is {type}; accepted is a string.") for field in _FIELDS},
    **{error: said for error, said in TEXT_ERRORS.items() if error[0].startswith("text_")},
    **{("string_unicode", field): _SURROGATE for field in ("model_version", "note")},
    **{
        ("string_too_long", field): (f"{field}_too_long", "{name} has more than {max_length:,} characters.")
        for field in ("model_version", "note")
    },
}
FORM_ERRORS = JSON_ERRORS | {
    ("string_type", field): (f"{field}_not_string", "{name} is a file; accepted is a plain field.") for field in _FIELDS
}
_BAD_LIMIT = "limit_invalid", "`limit` is {value}; accepted is a whole number from 1 to 1,000."
_QUERY_ERRORS: ErrorTable = {
    ("int_parsing", "limit"): _BAD_LIMIT,
    ("int_parsing_size", "limit"): _BAD_LIMIT,
    ("greater_than_equal", "limit"): _BAD_LIMIT,
    ("less_than_equal", "limit"): _BAD_LIMIT,
    ("literal_error", "format"): ("format_invalid", "`format` is {value}; accepted is json or csv."),
}


class CorrectionReader:
    """Reads corrections of a model's answers.

    Args:
        labels: of the model.
    """

    max_form_fields = MAX_FIELDS

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = labels

    def from_json(self, body: bytes, settings: Settings) -> Correction:
        """Validate `{"text": "...", "label": "...", "correct": "..."}`.

        Raises:
            RequestError: MalformedBody or InvalidCorrection.
        """
        document = parse_json(body)
        if not isinstance(document, dict):
            sentence = f"The JSON is {json_type(document)}; accepted is an object with {WANTED}."
            raise InvalidCorrection(sentence, code="not_an_object")
        # Where there are more keys than the known ones, the first few show it.
        return self._correction(dict(islice(document.items(), len(_FIELDS) + 1)), JSON_ERRORS, settings)

    def from_form(self, fields: Fields, settings: Settings) -> Correction:
        """Validate a form's fields, of which those of other names are ignored.

        Raises:
            InvalidCorrection: one is missing, repeated or not accepted.
        """
        known = [(name, value) for name, value in fields if name in _FIELDS]
        document = dict(known)
        if len(document) < len(known):
            name = next(name for name in document if [each for each, _ in known].count(name) > 1)
            raise InvalidCorrection(f"The form has several fields `{name}`; accepted is one.", code=f"{name}_repeated")
        return self._correction(document, FORM_ERRORS, settings, json_advice(fields))

    def _correction(
        self, document: Mapping[str, object], errors: ErrorTable, settings: Settings, advice: str = ""
    ) -> Correction:
        correction = Correction(**dict(_validated(CorrectionRequest, document, errors, settings, advice)))
        for name, label in (("label", correction.label), ("correct", correction.correct)):
            if label not in self._labels:
                raise InvalidCorrection(
                    f"`{name}` is {shown(label)}; accepted are the model's labels: "
                    f"{', '.join(map(repr, self._labels[:_SHOWN_LABELS]))}"
                    f"{', ...' if len(self._labels) > _SHOWN_LABELS else '.'}",
                    code=f"{name}_unknown",
                )
        return correction


def page_request(query: Mapping[str, str]) -> PageRequest:
    """Validate a query, of which parameters of other names are ignored.

    Raises:
        InvalidCorrection: one is not accepted.
    """
    return _validated(PageRequest, query, _QUERY_ERRORS)


def _validated(
    model: type[Model],
    document: Mapping[str, object],
    sentences: ErrorTable,
    settings: Settings | None = None,
    advice: str = "",
) -> Model:
    try:
        return model.model_validate(document, context=settings)
    except ValidationError as error:
        code, sentence = most_important(error.errors(include_url=False), sentences)
        raise InvalidCorrection(sentence + advice, code=code) from None
