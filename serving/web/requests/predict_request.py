"""Request models of `POST /predict`, and their validation as JSON and as an HTML form."""

import re
from itertools import islice
from typing import Annotated, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from starlette.requests import Request

from serving.errors import InvalidText
from serving.model.types import is_blank
from serving.settings import Settings
from serving.web.requests.body import Budget, read_body
from serving.web.requests.forms import Fields, parse_multipart, parse_urlencoded
from serving.web.requests.headers import FORM, JSON, content_type
from serving.web.requests.parsing import json_type, parse_json, shown

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


def _check_count(texts: object, info: ValidationInfo[Settings]) -> object:
    """Before any of the texts is looked at: a refused request costs the same, however many it has."""
    limit = info.context.max_texts
    if isinstance(texts, list) and len(texts) > limit:
        raise PydanticCustomError("too_many_texts", "too many", {"length": len(texts), "limit": limit})
    return texts


Text = Annotated[str, AfterValidator(_check_text)]


class TextRequest(BaseModel):
    """One text, as JSON or as a form."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {"text": "What a wonderful morning!"},
                {"text": "What a wonderful morning!", "explain": True},
            ]
        },
    )
    several: ClassVar[bool] = False

    text: Text = Field(description="not blank, and of at most MAX_TEXT_CHARS characters (10,000 unless configured)")
    explain: bool = Field(
        False,
        description="whether the answer gives each word's weight. A form says `true`, `on`, `yes` or `1`; "
        "or `false`, `off`, `no`, `0` or nothing",
    )

    @property
    def texts(self) -> list[str]:
        """The one text, for what takes several."""
        return [self.text]


class TextsRequest(BaseModel):
    """Several texts, as JSON. One that is refused refuses the whole request."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {"texts": ["What a wonderful morning!", "Late again."]},
                {"texts": ["What a wonderful morning!", "Late again."], "explain": True},
            ]
        },
    )
    several: ClassVar[bool] = True

    texts: Annotated[list[Text], BeforeValidator(_check_count)] = Field(
        min_length=1, description="as `text`; at most MAX_TEXTS of them (128 unless configured). Their order is kept"
    )
    explain: bool = Field(
        False,
        description="whether the answers give each word's weight; then at most MAX_EXPLAINED texts (16 unless set)",
    )

    @model_validator(mode="after")
    def _check_explained(self, info: ValidationInfo[Settings]) -> Self:
        limit = info.context.max_explained
        if self.explain and len(self.texts) > limit:
            raise PydanticCustomError("too_many_to_explain", "too many", {"length": len(self.texts), "limit": limit})
        return self


PredictRequest = TextRequest | TextsRequest

_JSON_REQUEST: TypeAdapter[PredictRequest] = TypeAdapter(
    Annotated[PredictRequest, Field(union_mode="left_to_right")],  # not both for each request, to see which fits better
    config=ConfigDict(cache_strings="none"),  # pydantic would keep short texts after their answers, to share them
)
_FORM_REQUEST = TypeAdapter(TextRequest)

_FIELDS = {"text", "texts", "explain"}

# (pydantic's or our error type, field) -> (code, sentence), the most important first. An item of `texts` counts as
# `text`; "" is any other field, or the request as a whole.
ErrorTable = dict[tuple[str, str], tuple[str, str]]

_JSON_ERRORS: ErrorTable = {
    ("extra_forbidden", ""): (
        "unknown_key",
        "The JSON has the unknown key {key}; accepted are 'text', 'texts' and 'explain'.",
    ),
    ("string_unicode", ""): (  # a key that is no Unicode
        "unknown_key",
        "The JSON has the unknown key {value}; accepted are 'text', 'texts' and 'explain'.",
    ),
    ("extra_forbidden", "text"): ("text_and_texts", "The JSON has both `text` and `texts`; accepted is one of them."),
    ("missing", "text"): ("text_missing", "The JSON has neither `text` nor `texts`; accepted is one of them."),
    ("bool_type", "explain"): ("explain_not_boolean", "`explain` is {type}; accepted is true or false."),
    ("list_type", "texts"): ("texts_not_array", "`texts` is {type}; accepted is an array of strings."),
    ("too_short", "texts"): ("texts_empty", "`texts` is empty; accepted is at least one text."),
    ("too_many_texts", "texts"): ("too_many_texts", "`texts` has {length:,} texts; at most {limit:,} are accepted."),
    ("string_type", "text"): ("text_not_string", "{name} is {type}; accepted is a string."),
    ("text_empty", "text"): ("text_blank", "{name} is empty; accepted is a text with something to read."),
    ("text_blank", "text"): (
        "text_blank",
        "{name} holds only white space or characters that nobody sees; accepted is a text with something to read.",
    ),
    ("text_too_long", "text"): ("text_too_long", "{name} has {length:,} characters; at most {limit:,} are accepted."),
    ("text_not_unicode", "text"): (
        "text_not_unicode",
        "{name} has a lone surrogate ({code_point}) at character {start:,}, which is no Unicode text; "
        "accepted are whole characters.",
    ),
    ("too_many_to_explain", ""): (
        "too_many_to_explain",
        "`texts` has {length:,} texts to be explained; at most {limit:,} are accepted.",
    ),
}

_FORM_ERRORS = _JSON_ERRORS | {
    ("bool_type", "explain"): (
        "explain_not_boolean",
        "`explain` is a file; accepted is true, on, yes, 1 or false, off, no, 0.",
    ),
    ("bool_parsing", "explain"): (
        "explain_not_boolean",
        "`explain` is {value}; accepted is true, on, yes, 1 or false, off, no, 0.",
    ),
    ("string_type", "text"): ("text_not_string", "`text` is a file; accepted is a plain field."),
}


async def read_predict_request(request: Request, settings: Settings, budget: Budget) -> PredictRequest:
    """Read, parse and validate the body of a request for predictions.

    Args:
        request: its body is not read yet.
        settings: the limits.
        budget: memory for bodies, shared with other requests.

    Raises:
        RequestError: UnsupportedMediaType, BodyTooLarge, BodyTooSlow, Overloaded, MalformedBody, or InvalidText, which
            carries the text of a request for one.
    """
    media_type = content_type(request.scope["headers"])
    body = await read_body(request, settings.max_body_bytes, settings.client_timeout, budget)
    if media_type.name == JSON:
        return from_json(body, settings)
    fields = parse_urlencoded(body) if media_type.name == FORM else await parse_multipart(body, media_type.boundary)
    return from_form(fields, settings)


def from_json(body: bytes, settings: Settings) -> PredictRequest:
    """Validate `{"text": "..."}` or `{"texts": ["...", ...]}`, either with `"explain": true` or false as well.

    Raises:
        RequestError: MalformedBody or InvalidText.
    """
    try:
        return _JSON_REQUEST.validate_json(body, context=settings)
    except ValidationError:
        return _from_document(parse_json(body), settings)


def _from_document(document: object, settings: Settings) -> PredictRequest:
    """Validate anew, to name the fault: the JSON parser that knows where one is takes three times as long."""
    if not isinstance(document, dict):
        raise InvalidText(
            f'The JSON is {json_type(document)}; accepted is an object with "text" or "texts".', code="not_an_object"
        )
    model = TextsRequest if "texts" in document else TextRequest
    # Where there are more keys than the three known ones, the first four show it: no need for an error for each.
    first_keys = dict(islice(document.items(), 4))
    try:
        return model.model_validate(first_keys, context=settings)
    except ValidationError as error:
        raise _invalid_text(error, _JSON_ERRORS, document.get("text")) from None


def from_form(fields: Fields, settings: Settings) -> TextRequest:
    """Validate a form's one `text` field and its `explain`; fields of other names are ignored.

    Raises:
        InvalidText: one is missing, repeated or not accepted.
    """
    texts = [value for name, value in fields if name == "text"]
    explains = [value for name, value in fields if name == "explain"]
    text = texts[0] if texts else None
    if len(explains) > 1:
        sentence = f"The form has {len(explains)} fields `explain`; accepted is one or none."
        raise InvalidText(sentence, code="explain_repeated", text=text)
    if len(texts) > 1:
        sentence = f"The form has {len(texts)} fields `text`; accepted is one. Several texts go as JSON: "
        raise InvalidText(sentence + '{"texts": [...]}.', code="text_repeated", text=text)
    if not texts:
        # What curl sends for `-d '{...}'` with no header.
        is_json = any(name.lstrip().startswith("{") for name, _ in fields)
        advice = " It looks like JSON: send that as Content-Type: application/json." if is_json else ""
        raise InvalidText(f"The form has no field `text`.{advice}", code="text_missing")
    document = {"text": text}
    if explains and explains[0] != "":
        document["explain"] = explains[0]
    try:
        return _FORM_REQUEST.validate_python(document, strict=False, context=settings)
    except ValidationError as error:
        raise _invalid_text(error, _FORM_ERRORS, text) from None


def _invalid_text(error: ValidationError, sentences: ErrorTable, text: object) -> InvalidText:
    """The most important of a request's errors, as our code and sentence."""
    priorities = list(sentences)
    details = min(error.errors(include_url=False), key=lambda details: priorities.index(_error_key(details)))
    code, sentence = sentences[_error_key(details)]
    place, value = details["loc"], details["input"]
    return InvalidText(
        sentence.format(
            name="`{}[{}]`".format(*place) if len(place) > 1 else "`text`",
            key=shown(str(place[-1])) if place else "",
            type=json_type(value),
            value=shown(value) if isinstance(value, str) else "",
            **details.get("ctx", {}),
        ),
        code=code,
        text=text if isinstance(text, str) else None,
    )


def _error_key(details: ErrorDetails) -> tuple[str, str]:
    """An error's type and field, as the tables have them."""
    place = details["loc"]
    field = "text" if len(place) > 1 else place[0] if place and place[0] in _FIELDS else ""
    return details["type"], str(field)
