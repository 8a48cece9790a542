"""What a request asks to have classified, checked as a whole before any work starts."""

import re
from dataclasses import dataclass

from starlette.requests import Request

from serving.body import FORM, JSON, content_type, json_type, parse_json, read_body, shown
from serving.errors import InvalidText
from serving.forms import Fields, parse_multipart, parse_urlencoded
from serving.settings import Settings

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Submission:
    """The texts of one request, in its order. `several` tells `{"texts": ["a"]}` from `{"text": "a"}`."""

    texts: list[str]
    several: bool = False


async def read_submission(request: Request, settings: Settings) -> Submission:
    """Read, parse and check a request's body.

    The text of a request for one is left in `request.state.text` even where it is refused, so that a page can keep it
    in its box. Raises UnsupportedMediaType, BodyTooLarge, MalformedBody or InvalidText.
    """
    kind = content_type(request.headers)
    body = await read_body(request, settings.max_body_bytes)
    if kind.name == JSON:
        document = parse_json(body)
        if isinstance(document, dict):
            request.state.text = document.get("text")
        return from_json(document, settings)
    fields = parse_urlencoded(body) if kind.name == FORM else await parse_multipart(body, kind.boundary)
    request.state.text = dict(fields).get("text")
    return from_form(fields, settings)


def from_json(document: object, settings: Settings) -> Submission:
    """The texts of `{"text": "..."}` or `{"texts": ["...", ...]}`. Raises InvalidText for anything else."""
    if not isinstance(document, dict):
        raise InvalidText(
            f'The JSON is {json_type(document)}; accepted is an object with "text" or "texts".', code="not_an_object"
        )
    _check_keys(document)
    if "texts" in document:
        return Submission(_check_texts(document["texts"], settings), several=True)
    return Submission([_check_text(document["text"], "`text`", settings)])


def from_form(fields: Fields, settings: Settings) -> Submission:
    """The text of a form's one `text` field; fields of other names are ignored. Raises InvalidText."""
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
    return Submission([_check_text(found[0], "`text`", settings)])


def _check_keys(document: dict[str, object]) -> None:
    unknown = [shown(key) for key in document if key not in {"text", "texts"}]
    if unknown:
        raise InvalidText(
            f"The JSON has the unknown key {unknown[0]}; accepted are 'text' and 'texts'.", code="unknown_key"
        )
    if len(document) > 1:
        raise InvalidText("The JSON has both `text` and `texts`; accepted is one of them.", code="text_and_texts")
    if not document:
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
