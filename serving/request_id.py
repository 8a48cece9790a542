"""Every request has an identifier: the log, the metrics' reader and the client can speak of the same one."""

# Each request defines a function, whose annotations are else evaluated each time.
from __future__ import annotations

import re
from collections.abc import Awaitable
from random import getrandbits

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.raw_headers import RawHeaders, first

HEADER = "X-Request-ID"

NAME = HEADER.lower().encode()

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,128}")


class RequestIdMiddleware:
    """Puts `request_id` into the request's state and the same value into the response's `X-Request-ID`.

    The client's own `X-Request-ID` is taken over where it has 1 to 128 letters, digits, dots, underscores or hyphens,
    so that nothing else can reach a log line; otherwise one is generated.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        request_id = choose_id(scope["headers"])
        scope.setdefault("state", {})["request_id"] = request_id
        header = (NAME, request_id.encode())

        def send_with_id(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), header]
            return send(message)

        return self.app(scope, receive, send_with_id)


def choose_id(headers: RawHeaders) -> str:
    """The identifier of a request with these headers."""
    sent = first(headers, NAME)
    # An identifier is no secret, so it need not cost a system call.
    return sent if _ACCEPTED.fullmatch(sent) else f"{getrandbits(128):032x}"
