"""What a body is, by its headers: of which media type, and in no other encoding than UTF-8."""

from dataclasses import dataclass
from functools import lru_cache

from python_multipart.multipart import parse_options_header

from serving.errors import UnsupportedMediaType
from serving.parsing import shown
from serving.raw_headers import RawHeaders, first

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
JSON = "application/json"
ACCEPTED = (FORM, MULTIPART, JSON)


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
