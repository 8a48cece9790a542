"""What curl would send for a command, as far as our commands go."""

import json
import shlex
from typing import Any
from urllib.parse import urlsplit


def as_request(command: str) -> dict[str, Any]:
    """A command as the arguments of a test client's `request`."""
    program, url, *arguments = shlex.split(command)
    assert program == "curl"
    options = list(zip(arguments[::2], arguments[1::2], strict=True))
    assert {flag for flag, _ in options} <= {"-H", "-d", "--data-urlencode", "-F"}
    headers = dict(value.split(": ", 1) for flag, value in options if flag == "-H")
    bodies = [value for flag, value in options if flag == "-d"]
    fields = dict(value.split("=", 1) for flag, value in options if flag == "--data-urlencode")
    parts = {name: _part(value) for flag, field in options if flag == "-F" for name, value in [field.split("=", 1)]}
    sent: dict[str, Any] = {"method": "POST" if bodies or fields or parts else "GET", "url": urlsplit(url).path or "/"}
    if bodies:
        (body,) = bodies
        json.loads(body)
        sent["content"] = body.encode()
    return sent | ({"headers": headers} if headers else {}) | {"data": fields or None, "files": parts or None}


def _part(value: str) -> tuple[str | None, str]:
    """A field, or for `@name` a file of that name, whose content is of our making."""
    return (value[1:], "text\nWhat a wonderful morning!\n") if value.startswith("@") else (None, value)
