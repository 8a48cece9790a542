"""A request's body: read within its limit, then parsed by its media type."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn, TypeVar

from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from serving.budget import Budget, Share
from serving.errors import BodyTooLarge, BodyTooSlow, MalformedBody, UnsupportedMediaType
from serving.raw_headers import RawHeaders, first
from serving.waiting import within

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
JSON = "application/json"
ACCEPTED = (FORM, MULTIPART, JSON)

Bytes = TypeVar("Bytes", bytes, bytearray)

# Longer numbers are left to the count while reading.
_LENGTH = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class ContentType:
    """A `Content-Type` that the service takes, and a multipart body's boundary."""

    name: str
    boundary: str = ""


def content_type(headers: RawHeaders, accepted: tuple[str, ...] = ACCEPTED) -> ContentType:
    """What the body is, by its headers (RFC 9110, sections 8.3 and 8.4).

    Raises UnsupportedMediaType for a missing or another `Content-Type` than the accepted ones, a charset other than
    UTF-8, and any `Content-Encoding`.
    """
    return _content_type(first(headers, b"content-type"), first(headers, b"content-encoding", "identity"), accepted)


@lru_cache(maxsize=64)
def _content_type(sent: str, encoding: str, accepted: tuple[str, ...]) -> ContentType:
    kind, options = parse_options_header(sent)
    name = kind.decode("latin-1")
    charset = options.get(b"charset", b"utf-8").decode("latin-1")
    if name not in accepted:
        found = f"The Content-Type is {shown(sent)}" if sent else "The request has no Content-Type"
        verb = "are" if len(accepted) > 1 else "is"
        raise UnsupportedMediaType(f"{found}; accepted {verb} {', '.join(accepted)}.")
    if charset.lower() not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType(f"The charset is {shown(charset)}; accepted is utf-8.", code="unsupported_charset")
    if encoding.lower() != "identity":
        raise UnsupportedMediaType(
            f"The Content-Encoding is {shown(encoding)}; accepted is none.",
            code="unsupported_content_encoding",
            headers={"Accept-Encoding": "identity"},
        )
    return ContentType(name, options.get(b"boundary", b"").decode("latin-1"))


async def read_body(request: Request, limit: int, seconds: float | None = None, budget: Budget | None = None) -> bytes:
    """The whole body.

    Raises BodyTooLarge as soon as `limit` bytes are passed, by its Content-Length or while reading; BodyTooSlow where
    it is not whole after `seconds`; Overloaded where the budget has no room for it; ClientDisconnect. What the client
    still sends after the first three is not read.
    """
    declared = first(request.scope["headers"], b"content-length")
    if _LENGTH.fullmatch(declared) and int(declared) > limit:
        raise BodyTooLarge(
            f"The body has {int(declared):,} bytes; at most {limit:,} are accepted.", headers={"Connection": "close"}
        )
    try:
        return await within(seconds, _read(request, limit, budget))
    except TimeoutError:
        raise BodyTooSlow(
            f"The body was not whole after {seconds:g} seconds, the most that is waited for it.",
            headers={"Connection": "close"},
        ) from None


async def _read(request: Request, limit: int, budget: Budget | None) -> bytes:
    body, more = _chunk(await request.receive())
    # Nearly all come in one piece, which costs no account.
    return await _read_on(request, body, limit, budget or Budget()) if more else _checked(body, limit)


async def _read_on(request: Request, body: bytes, limit: int, budget: Budget) -> bytes:
    # One array: a list of a client's many small pieces would take many times their size.
    whole, more = bytearray(body), True
    with Share(budget) as share:
        while more:
            _checked(whole, limit)
            share.grow_to(len(whole))
            body, more = _chunk(await request.receive())
            whole += body
    return bytes(_checked(whole, limit))


def _chunk(message: Message) -> tuple[bytes, bool]:
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


def _checked(body: Bytes, limit: int) -> Bytes:
    if len(body) > limit:
        raise BodyTooLarge(
            f"The body is longer than {limit:,} bytes, the most that is accepted.", headers={"Connection": "close"}
        )
    return body


def parse_json(body: bytes) -> object:
    """The document of a JSON body (RFC 8259). Raises MalformedBody where it is not UTF-8 or not JSON."""
    # RFC 8259, section 8.1: a byte order mark may be ignored, and some editors and shells write one.
    text = decode(body.removeprefix(b"\xef\xbb\xbf"))
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"at line {error.lineno}, column {error.colno}"
        raise MalformedBody(f"The body is not JSON: it breaks off or goes wrong {where}.", code="not_json") from None
    except ValueError:
        raise MalformedBody(
            "The body is not JSON: it has NaN, Infinity or a number of absurd length.", code="not_json"
        ) from None
    except RecursionError:
        raise MalformedBody("The JSON is nested too deeply.", code="json_too_deep") from None


def decode(data: bytes, what: str = "body") -> str:
    """UTF-8, strictly. Raises MalformedBody that names `what` and the first byte that is not."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedBody(
            f"The {what} is not UTF-8: byte {data[error.start]:#04x} at offset {error.start:,} cannot be decoded.",
            code="not_utf8",
        ) from None


def shown(value: str, most: int = 60) -> str:
    """Something a client sent, quoted for a sentence: shortened, and with all that cannot be encoded escaped."""
    return repr(value if len(value) <= most else value[:most] + "…")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def json_type(value: Any) -> str:
    """A JSON value's type in words, for a sentence."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
    return "an object"
