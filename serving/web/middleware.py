"""Request context: the identifier, headers, errors, figures and log line that every request has."""

import logging
import re
from collections.abc import Awaitable, Callable
from random import getrandbits
from time import perf_counter

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.logs import RequestLog
from serving.web.metrics import CLIENT_GONE, METHODS, Metrics
from serving.web.requests.headers import Header, RawHeaders, first

# For what is no page of ours: nothing in it may run, load or be framed. Pages bring a policy that lets them work.
SECURITY_HEADERS = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]

REQUEST_ID_HEADER = "X-Request-ID"
REQUEST_ID = REQUEST_ID_HEADER.lower().encode()

# What else a client sends must not reach a log line.
_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")

_log = logging.getLogger(__name__)

RenderError = Callable[[Request, Exception], Awaitable[Response]]


class RequestContextMiddleware:
    """What surrounds every request, in one pass.

    - Its `request_id` is in the request's state and in the answer's `X-Request-ID`.
    - HEAD reaches the routes as GET (RFC 9110, section 9.3.2): FastAPI, unlike Starlette, gives a GET route no HEAD.
      The scope is copied for that: the server keeps the original, and by its method knows to leave the body out.
    - SECURITY_HEADERS are in each answer, but for those that it has already; and the version of the model that the
      request met.
    - Whatever the app raises is answered. An error after the answer has begun is raised on: the server then cuts the
      connection. A client that has left gets nothing.
    - It is counted, timed and logged by its route's template: never by its path, whose values have no bound.

    Args:
        app: what is surrounded.
        metrics: where requests are counted.
        render_error: makes the answer to an error.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, render_error: RenderError) -> None:
        self.app = app
        self._metrics = metrics
        self._request_log = RequestLog()
        self._render_error = render_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI)."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status = perf_counter(), CLIENT_GONE
        request_id = choose_request_id(scope["headers"])
        version_header: Header = scope["app"].state.service.version_header
        scope.setdefault("state", {})["request_id"] = request_id
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _complete(message.get("headers", ()), request_id, version_header)
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except ClientDisconnect:
            _log.info("The client of request %s left before its answer", request_id)
        except Exception as error:
            if status != CLIENT_GONE:
                raise
            response = await self._render_error(Request(scope), error)
            await response(scope, receive, send_with_headers)
        finally:
            seconds = perf_counter() - start
            method = scope["method"] if scope["method"] in METHODS else "other"
            route = _template(scope)
            self._metrics.count_request(method, route, status, seconds)
            self._request_log.add(request_id, method, route, status, seconds)


def choose_request_id(headers: RawHeaders) -> str:
    """The identifier of a request.

    Args:
        headers: the request's. Its own `X-Request-ID` is taken over where it has 1 to 128 letters, digits, dots,
            underscores or hyphens.

    Returns:
        The client's own, or 32 hexadecimal digits.
    """
    sent = first(headers, REQUEST_ID)
    # An identifier is no secret, so it need not cost a system call.
    return sent if sent and _ACCEPTED_ID.fullmatch(sent) else f"{getrandbits(128):032x}"


def _complete(headers: RawHeaders, request_id: str, version_header: Header) -> list[Header]:
    present = {name for name, _ in headers}
    missing = [header for header in SECURITY_HEADERS if header[0] not in present]
    return [*headers, *missing, (REQUEST_ID, request_id.encode()), version_header]


def _template(scope: Scope) -> str:
    if isinstance(scope.get("endpoint"), StaticFiles):
        return "/static"
    return getattr(scope.get("route"), "path", "unmatched")
