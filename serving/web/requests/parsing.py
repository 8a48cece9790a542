"""Decoding of bytes as UTF-8 and JSON, and quoting of what a client sent in a sentence."""

import json
from typing import Any, NoReturn

from serving.errors import MalformedBody


def parse_json(body: bytes) -> object:
    """Parse a JSON body (RFC 8259).

    Raises:
        MalformedBody: it is not UTF-8 or not JSON; the sentence says where.
    """
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
    """Decode UTF-8, strictly.

    Raises:
        MalformedBody: it names `what` and the first byte that is not UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedBody(
            f"The {what} is not UTF-8: byte {data[error.start]:#04x} at offset {error.start:,} cannot be decoded.",
            code="not_utf8",
        ) from None


def shown(value: str, max_chars: int = 60) -> str:
    """Quote something a client sent for a sentence: shortened, and with all that cannot be encoded escaped."""
    return repr(value if len(value) <= max_chars else value[:max_chars] + "…")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def json_type(value: Any) -> str:
    """Name a JSON value's type, for a sentence."""
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
