"""Requests for predictions of texts: their models, and their validation as JSON and as an HTML form."""

import re
from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from serving.errors import InvalidText
from serving.model.types import is_blank
from serving.settings import Settings
from serving.web.requests.forms import Fields, json_advice
from serving.web.requests.parsing import json_type, parse_json
from serving.web.requests.validation_errors import (
    FORM_ERRORS,
    JSON_ERRORS,
    KEYS,
    invalid_text,
    is_of_one_text,
    refused_text,
)

_SURROGATE = re.compile("[\ud800-\udfff]")


def _check_text(text: str, info: ValidationInfo[Settings]) -> str:
    if is_blank(text):
        raise PydanticCustomError("text_blank" if text else "text_empty", "blank")
    limit = info.context.max_text_chars
    if len(text) > limit:
        raise PydanticCustomError("text_too_long", "too long", {"length": len(text), "limit": limit})
    if not text.isascii() and (surrogate := _SURROGATE.search(text)):
        place = {"code_point": f"U+{ord(surrogate[0]):04X}", "start": surrogate.start()}
        raise PydanticCustomError("text_not_unicode", "not Unicode", place)
    return text


Text = Annotated[str, AfterValidator(_check_text)]
MinProbability = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="where it is sent, each answer has `uncertain`: whether its label has less than this. Default: "
        "MIN_PROBABILITY, where that is set",
    ),
]


def check_count(rows: object, info: ValidationInfo[Settings]) -> object:
    """Check how many rows there are, before any of them is looked at.

    A refused request then costs the same, however many it has.
    """
    limit = info.context.max_texts
    if isinstance(rows, list) and len(rows) > limit:
        raise PydanticCustomError("too_many", "too many", {"length": len(rows), "limit": limit})
    return rows


class TextRequest(BaseModel):
    """One text, as JSON or as a form."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {"text": "What a wonderful morning!"},
                {"text": "What a wonderful morning!", "explain": True},
                {"text": "What a wonderful morning!", "min_probability": 0.95},
            ]
        },
    )
    several: ClassVar[bool] = False
    refused: ClassVar[Mapping[int, InvalidText]] = {}

    text: Text = Field(description="not blank, and of at most MAX_TEXT_CHARS characters (10,000 unless configured)")
    explain: bool = Field(
        False,
        description="whether the answer gives each word's weight. A form says `true`, `on`, `yes` or `1`; "
        "or `false`, `off`, `no`, `0` or nothing",
    )
    min_probability: MinProbability = 0.0

    @property
    def rows(self) -> list[str]:
        """The one text, for what takes several."""
        return [self.text]


class TextsRequest(BaseModel):
    """Several texts, as JSON. One that is refused refuses the whole request, unless `partial` is true."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {"texts": ["What a wonderful morning!", "Late again."]},
                {"texts": ["What a wonderful morning!", "Late again."], "explain": True},
                {"texts": ["What a wonderful morning!", ""], "partial": True},
            ]
        },
    )
    several: ClassVar[bool] = True

    texts: Annotated[list[Text], BeforeValidator(check_count)] = Field(
        min_length=1, description="as `text`; at most MAX_TEXTS of them (128 unless configured). Their order is kept"
    )
    explain: bool = Field(
        False,
        description="whether the answers give each word's weight; then at most MAX_EXPLAINED texts (16 unless set)",
    )
    min_probability: MinProbability = 0.0
    partial: bool = Field(
        False,
        description="whether a text that is refused has an `error` in its place, and the others are answered",
    )
    _refused: dict[int, InvalidText] = PrivateAttr(default_factory=dict)

    @property
    def rows(self) -> list[str]:
        """The texts."""
        return self.texts

    @property
    def refused(self) -> Mapping[int, InvalidText]:
        """The errors of the texts that are not in `texts`, by their places in the request."""
        return self._refused

    @model_validator(mode="after")
    def _check_explained(self, info: ValidationInfo[Settings]) -> Self:
        limit = info.context.max_explained
        if self.explain and len(self.texts) > limit:
            raise PydanticCustomError("too_many_to_explain", "too many", {"length": len(self.texts), "limit": limit})
        return self

    @classmethod
    def without_refused(
        cls, document: dict[str, Any], refused: dict[int, InvalidText], settings: Settings
    ) -> "TextsRequest":
        """Validate a request for as many of its texts as are accepted, which may be none.

        Args:
            document: nothing else in it is refused.
            refused: the errors of the others, by their places.
            settings: the limits.

        Raises:
            ValidationError: as soon as there are texts, for more of them than are explained.
        """
        accepted = [text for index, text in enumerate(document["texts"]) if index not in refused]
        document = {**document, "texts": accepted}
        request = cls.model_validate(document, context=settings) if accepted else cls.model_construct(**document)
        request._refused = refused
        return request


TextsAsked = TextRequest | TextsRequest

_JSON_REQUEST: TypeAdapter[TextsAsked] = TypeAdapter(
    Annotated[TextsAsked, Field(union_mode="left_to_right")],  # not both for each request, to see which fits better
    config=ConfigDict(cache_strings="none"),  # pydantic would keep short texts after their answers, to share them
)
_FORM_REQUEST = TypeAdapter(TextRequest)


def from_json(body: bytes, settings: Settings) -> TextsAsked:
    """Validate `{"text": "..."}` or `{"texts": ["...", ...]}`, either with the options of its model.

    Raises:
        RequestError: MalformedBody or InvalidText.
    """
    try:
        return _JSON_REQUEST.validate_json(body, context=settings)
    except ValidationError:
        return _from_document(parse_json(body), settings)


def _from_document(document: object, settings: Settings) -> TextsAsked:
    """Validate anew, to name the fault: the JSON parser that knows where one is takes three times as long."""
    if not isinstance(document, dict):
        raise InvalidText(
            f'The JSON is {json_type(document)}; accepted is an object with "text" or "texts".', code="not_an_object"
        )
    # Where there are more keys than the known ones, the first few show it: no need for an error for each.
    first_keys = dict(islice(document.items(), len(KEYS) + 1))
    model = TextsRequest if "texts" in first_keys else TextRequest
    try:
        return model.model_validate(first_keys, context=settings)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    if first_keys.get("partial") is not True or not all(map(is_of_one_text, errors)):
        raise invalid_text(errors, JSON_ERRORS, document.get("text"))
    refused = {int(details["loc"][1]): refused_text(details) for details in errors}
    try:
        return TextsRequest.without_refused(first_keys, refused, settings)
    except ValidationError as error:
        raise invalid_text(error.errors(include_url=False), JSON_ERRORS) from None


def from_form(fields: Fields, settings: Settings) -> TextRequest:
    """Validate a form's one `text` field and its options; fields of other names are ignored.

    Raises:
        InvalidText: one is missing, repeated or not accepted.
    """
    texts = [value for name, value in fields if name == "text"]
    text = texts[0] if texts else None
    options = _form_options(fields, text) if len(fields) > 1 else {}
    if len(texts) > 1:
        sentence = f"The form has {len(texts)} fields `text`; accepted is one. Several texts go as JSON: "
        raise InvalidText(sentence + '{"texts": [...]}.', code="text_repeated", row=text)
    if not texts:
        raise InvalidText(f"The form has no field `text`.{json_advice(fields)}", code="text_missing")
    try:
        return _FORM_REQUEST.validate_python({"text": text, **options}, strict=False, context=settings)
    except ValidationError as error:
        raise invalid_text(error.errors(include_url=False), FORM_ERRORS, text) from None


def _form_options(fields: Fields, text: str | None) -> dict[str, str | None]:
    """The fields beside `text` that are known and not empty."""
    options: dict[str, str | None] = {}
    for option in ("explain", "min_probability"):
        values = [value for name, value in fields if name == option]
        if len(values) > 1:
            sentence = f"The form has {len(values)} fields `{option}`; accepted is one or none."
            raise InvalidText(sentence, code=f"{option}_repeated", row=text)
        if values and values[0] != "":
            options[option] = values[0]
    return options


def asked_min_probability(request: TextsAsked, default: float | None = None) -> float | None:
    """The `min_probability` of a request, or the default where it has none."""
    return request.min_probability if "min_probability" in request.model_fields_set else default
