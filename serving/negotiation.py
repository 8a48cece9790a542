"""Which of the two representations a client prefers: a page or JSON (RFC 9110, section 12.5.1)."""

import re
from functools import lru_cache

HTML = "text/html"
JSON = "application/json"

VARY = {"Vary": "Accept"}
"""On every answer that depends on the choice, so that no cache hands a page to a program."""

_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


@lru_cache(maxsize=64)
def prefers_html(accept: str) -> bool:
    """True where the `Accept` value ranks text/html above application/json, as a browser's does.

    A tie (`*/*`, an absent or empty header, neither acceptable) is JSON: nobody but a browser wants a page by default.
    Where several header lines were sent, join them with commas. Never raises: a range that is not well formed is
    skipped.
    """
    return _quality(accept, HTML) > _quality(accept, JSON)


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
