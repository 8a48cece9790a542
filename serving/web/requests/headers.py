"""Request headers: `Accept` negotiation, and `Content-Type` with its charset and encoding."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from python_multipart.multipart import parse_options_header

from serving.errors import UnsupportedMediaType
from serving.web.requests.parsing import shown

Header = tuple[bytes, bytes]
RawHeaders = Iterable[Header]


def first(headers: RawHeaders, name: bytes, default: str = "") -> str:
    """Return the value of the first header of that name, or else the default."""
    for key, value in headers:
        if key == name:
            return value.decode("latin-1")
    return default


def joined(headers: RawHeaders, name: bytes) -> str:
    """Return the values of all headers of that name as those of one (RFC 9110, section 5.3)."""
    return b",".join([value for key, value in headers if key == name]).decode("latin-1")


MODEL_VERSION_HEADER = "X-Model-Version"

HTML = "text/html"
JSON = "application/json"
CSV = "text/csv"

# On every answer that depends on the choice, so that no cache hands a page to a program.
VARY = {"Vary": "Accept"}

_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


@lru_cache(maxsize=64)
def prefers_html(accept: str) -> bool:
    """Tell whether the `Accept` value ranks text/html above application/json, as a browser's does (RFC 9110, 12.5.1).

    A tie (`*/*`, an absent or empty header, neither acceptable) is JSON: nobody but a browser wants a page by default.
    A range that is not well formed is skipped.

    Args:
        accept: where several header lines were sent, all of them joined by commas.
    """
    return _quality(accept, HTML) > _quality(accept, JSON)


@lru_cache(maxsize=64)
def prefers_json(accept: str) -> bool:
    """Tell whether the `Accept` value ranks application/json above text/html, as one that names JSON alone does.

    Args:
        accept: where several header lines were sent, all of them joined by commas.
    """
    return _quality(accept, JSON) > _quality(accept, HTML)


@lru_cache(maxsize=64)
def prefers_csv(accept: str) -> bool:
    """Tell whether the `Accept` value ranks text/csv above application/json.

    Args:
        accept: where several header lines were sent, all of them joined by commas.
    """
    return _quality(accept, CSV) > _quality(accept, JSON)


def _quality(accept: str, media_type: str) -> float:
    """The weight of the most specific range that matches `media_type`; 0 where none does."""
    qualities = dict(filter(None, map(_parse_range, accept.split(","))))
    kind = media_type.partition("/")[0]
    for name in (media_type, f"{kind}/*", "*/*"):
        if name in qualities:
            return qualities[name]
    return 0.0


def _parse_range(text: str) -> tuple[str, float] | None:
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    if "/" not in name:
        return None
    weight = next(
        (value for key, _, value in (p.partition("=") for p in parameters) if key.strip() == "q"), "1"
    ).strip()
    return (name, float(weight)) if _QUALITY.fullmatch(weight) else None


FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
ACCEPTED = (FORM, MULTIPART, JSON)


@dataclass(frozen=True, slots=True)
class ContentType:
    """A `Content-Type` that the service takes, and a multipart body's boundary."""

    name: str
    boundary: str = ""


def content_type(headers: RawHeaders, accepted: tuple[str, ...] = ACCEPTED) -> ContentType:
    """Read what a body is, by its headers (RFC 9110, sections 8.3 and 8.4).

    Raises:
        UnsupportedMediaType: for a missing or another `Content-Type` than the accepted ones, a charset other than
            UTF-8, and any `Content-Encoding`.
    """
    return _content_type(first(headers, b"content-type"), first(headers, b"content-encoding", "identity"), accepted)


@lru_cache(maxsize=64)
def _content_type(header: str, encoding: str, accepted: tuple[str, ...]) -> ContentType:
    kind, options = parse_options_header(header)
    name = kind.decode("latin-1")
    charset = options.get(b"charset", b"utf-8").decode("latin-1")
    if name not in accepted:
        fault = f"The Content-Type is {shown(header)}" if header else "The request has no Content-Type"
        verb = "are" if len(accepted) > 1 else "is"
        raise UnsupportedMediaType(f"{fault}; accepted {verb} {', '.join(accepted)}.")
    if charset.lower() not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType(f"The charset is {shown(charset)}; accepted is utf-8.", code="unsupported_charset")
    if encoding.lower() != "identity":
        raise UnsupportedMediaType(
            f"The Content-Encoding is {shown(encoding)}; accepted is none.",
            code="unsupported_content_encoding",
            headers={"Accept-Encoding": "identity"},
        )
    return ContentType(name, options.get(b"boundary", b"").decode("latin-1"))
