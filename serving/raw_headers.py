"""A request's headers as the server hands them over: pairs of bytes, the names in lower case.

Starlette's Headers decode and compare in Python anew for each name that is asked for, which every request would pay
for several times.
"""

from collections.abc import Iterable

RawHeaders = Iterable[tuple[bytes, bytes]]


def first(headers: RawHeaders, name: bytes, default: str = "") -> str:
    """The value of the first header of that name, or else the default."""
    for key, value in headers:
        if key == name:
            return value.decode("latin-1")
    return default


def joined(headers: RawHeaders, name: bytes) -> str:
    """The values of all headers of that name as those of one (RFC 9110, section 5.3)."""
    return b",".join([value for key, value in headers if key == name]).decode("latin-1")
