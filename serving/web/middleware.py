"""Every request has an identifier: the log, the metrics' reader and the client can speak of the same one."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from random import getrandbits

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.web.requests.headers import RawHeaders, first


class HeadMiddleware:
    """Hands HEAD to the routes as GET (RFC 9110, section 9.3.2).

    FastAPI, unlike Starlette, gives a GET route no HEAD. The scope is copied rather than changed: the server keeps the
    original, and by its method knows to leave the body out.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        return self.app(scope, receive, send)


SAFE = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
"""For what is no page of ours: nothing in it may run, load or be framed. Pages bring a policy that lets them work."""


class HeadersMiddleware:
    """Adds SAFE to each answer, but for those of its headers that the answer has already."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        def send_safely(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                headers = message.get("headers", [])
                names = {name for name, _ in headers}
                message["headers"] = [*headers, *(header for header in SAFE if header[0] not in names)]
            return send(message)

        return self.app(scope, receive, send_safely if scope["type"] == "http" else send)


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
