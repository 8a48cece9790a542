"""What a request asks to have classified, checked as a whole before any work starts."""

import re
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import Scope

from serving.errors import InvalidText
from serving.settings import Settings
from serving.web.requests.body import Budget, read_body
from serving.web.requests.forms import Fields, parse_multipart, parse_urlencoded
from serving.web.requests.headers import FORM, JSON, content_type
from serving.web.requests.parsing import json_type, parse_json, shown

_KEPT = "text"

_SURROGATE = re.compile("[\ud800-\udfff]")

YES, NO = ("true", "on", "yes", "1"), ("false", "off", "no", "0", "")
"""What a form may say for `explain`; "on" is what a browser sends for a checkbox."""


@dataclass(frozen=True, slots=True)
class Submission:
    """The texts of one request, in its order, and whether their words' weights are wanted.

    `several` tells `{"texts": ["a"]}` from `{"text": "a"}`.
    """

    texts: list[str]
    several: bool = False
    explain: bool = False


async def read_submission(request: Request, settings: Settings, budget: Budget) -> Submission:
    """Read, parse and check a request's body.

    The text of a request for one is kept for `kept_text`, even where it is refused.
    Raises UnsupportedMediaType, BodyTooLarge, BodyTooSlow, Overloaded, MalformedBody or InvalidText.
    """
    kind = content_type(request.scope["headers"])
    body = await read_body(request, settings.max_body_bytes, settings.client_timeout, budget)
    if kind.name == JSON:
        document = parse_json(body)
        if isinstance(document, dict):
            _keep(request, document.get("text"))
        return from_json(document, settings)
    fields = parse_urlencoded(body) if kind.name == FORM else await parse_multipart(body, kind.boundary)
    _keep(request, dict(fields).get("text"))
    return from_form(fields, settings)


def _keep(request: Request, text: object) -> None:
    request.scope["state"][_KEPT] = text


def kept_text(request: Request) -> str:
    """The text that the client sent, so that a page can show it in its box; what no page can hold is replaced.

    Empty where there was none, or none that is a string.
    """
    text = request.scope["state"].get(_KEPT)
    return text.encode("utf-8", "replace").decode("utf-8") if isinstance(text, str) else ""


def forget_text(scope: Scope) -> None:
    """After the answer: no request's text is held any longer."""
    scope["state"].pop(_KEPT, None)


def from_json(document: object, settings: Settings) -> Submission:
    """The texts of `{"text": "..."}` or `{"texts": ["...", ...]}`, either with `"explain": true` or false as well.

    Raises InvalidText for anything else.
    """
    if not isinstance(document, dict):
        raise InvalidText(
            f'The JSON is {json_type(document)}; accepted is an object with "text" or "texts".', code="not_an_object"
        )
    _check_keys(document)
    explain = _check_explain(document.get("explain", False))
    if "texts" in document:
        texts = _check_texts(document["texts"], settings)
        if explain:
            _check_explained(texts, settings)
        return Submission(texts, several=True, explain=explain)
    return Submission([_check_text(document["text"], "`text`", settings)], explain=explain)


def from_form(fields: Fields, settings: Settings) -> Submission:
    """The text of a form's one `text` field, and its `explain`; fields of other names are ignored.

    Raises InvalidText.
    """
    explain = _form_explain(fields)
    found = [value for name, value in fields if name == "text"]
    if not found:
        # What curl sends for `-d '{...}'` with no header.
        hint = any(name.lstrip().startswith("{") for name, _ in fields)
        advice = " It looks like JSON: send that as Content-Type: application/json." if hint else ""
        raise InvalidText(f"The form has no field `text`.{advice}", code="text_missing")
    if len(found) > 1:
        raise InvalidText(
            f'The form has {len(found)} fields `text`; accepted is one. Several texts go as JSON: {{"texts": [...]}}.',
            code="text_repeated",
        )
    if found[0] is None:
        raise InvalidText("`text` is a file; accepted is a plain field.", code="text_not_string")
    return Submission([_check_text(found[0], "`text`", settings)], explain=explain)


def _form_explain(fields: Fields) -> bool:
    found = [value for name, value in fields if name == "explain"]
    if len(found) > 1:
        raise InvalidText(
            f"The form has {len(found)} fields `explain`; accepted is one or none.", code="explain_repeated"
        )
    value = found[0] if found else ""
    if value is None or value.lower() not in (*YES, *NO):
        shape = "a file" if value is None else shown(value)
        raise InvalidText(
            f"`explain` is {shape}; accepted is {', '.join(YES)} or {', '.join(NO[:-1])}.", code="explain_not_boolean"
        )
    return value.lower() in YES


def _check_explain(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidText(f"`explain` is {json_type(value)}; accepted is true or false.", code="explain_not_boolean")
    return value


def _check_explained(texts: list[str], settings: Settings) -> None:
    if len(texts) > settings.max_explained:
        raise InvalidText(
            f"`texts` has {len(texts):,} texts to be explained; at most {settings.max_explained:,} are accepted.",
            code="too_many_to_explain",
        )


def _check_keys(document: dict[str, object]) -> None:
    unknown = [shown(key) for key in document if key not in {"text", "texts", "explain"}]
    if unknown:
        raise InvalidText(
            f"The JSON has the unknown key {unknown[0]}; accepted are 'text', 'texts' and 'explain'.",
            code="unknown_key",
        )
    if "text" in document and "texts" in document:
        raise InvalidText("The JSON has both `text` and `texts`; accepted is one of them.", code="text_and_texts")
    if "text" not in document and "texts" not in document:
        raise InvalidText("The JSON has neither `text` nor `texts`; accepted is one of them.", code="text_missing")


def _check_texts(value: object, settings: Settings) -> list[str]:
    if not isinstance(value, list):
        raise InvalidText(f"`texts` is {json_type(value)}; accepted is an array of strings.", code="texts_not_array")
    if not value:
        raise InvalidText("`texts` is empty; accepted is at least one text.", code="texts_empty")
    if len(value) > settings.max_texts:
        raise InvalidText(
            f"`texts` has {len(value):,} texts; at most {settings.max_texts:,} are accepted.", code="too_many_texts"
        )
    return [_check_text(text, f"`texts[{index}]`", settings) for index, text in enumerate(value)]


def _check_text(value: object, name: str, settings: Settings) -> str:
    if not isinstance(value, str):
        raise InvalidText(f"{name} is {json_type(value)}; accepted is a string.", code="text_not_string")
    if not value.strip():
        found = "holds only white space" if value else "is empty"
        raise InvalidText(f"{name} {found}; accepted is a text with something to read.", code="text_blank")
    if len(value) > settings.max_text_chars:
        raise InvalidText(
            f"{name} has {len(value):,} characters; at most {settings.max_text_chars:,} are accepted.",
            code="text_too_long",
        )
    if broken := _SURROGATE.search(value):
        raise InvalidText(
            f"{name} has a lone surrogate (U+{ord(broken[0]):04X}) at character {broken.start():,}, "
            "which is no Unicode text; accepted are whole characters.",
            code="text_not_unicode",
        )
    return value
