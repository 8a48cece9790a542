"""HEAD is answered wherever GET is."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send


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
