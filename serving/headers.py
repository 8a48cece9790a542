"""Headers that every answer carries."""

# Each request defines a function, whose annotations are else evaluated each time.
from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
