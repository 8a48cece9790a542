"""How often the server answered without the app."""

import json
import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from time import perf_counter
from typing import Any

from starlette.types import Receive, Scope, Send

from serving.logs import log_request
from serving.web.load_shedding import Tally
from serving.web.metrics import Metrics
from serving.web.middleware import NAME, SAFE, choose_id
from serving.web.requests.headers import RawHeaders

STATE = "rejections"
"""Under this name the app's lifespan hands what counts them to the server's protocol (ASGI's lifespan state)."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """An error, in the shape of the app's own, after which the connection is closed; also an ASGI app that answers it.

    `headers`: beyond those that every such answer has.
    """

    status: int
    code: str
    detail: str
    headers: tuple[tuple[bytes, bytes], ...] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        headers, body = self._answer(scope["headers"], scope["method"], scope.get("state", {}))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def raw(self, headers: RawHeaders, server_headers: RawHeaders, state: Mapping[str, Any]) -> bytes:
        """All of the answer as it is sent (RFC 9112), to a request with these headers, as far as they have come."""
        own, body = self._answer(headers, "unknown", state)
        status = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n".encode()
        lines = [b"%s: %s\r\n" % header for header in (*server_headers, *own)]
        return b"".join((status, *lines, b"\r\n", body))

    def _answer(
        self, headers: RawHeaders, method: str, state: Mapping[str, Any]
    ) -> tuple[list[tuple[bytes, bytes]], bytes]:
        request_id = choose_id(headers)
        counts: RejectionCount | None = state.get(STATE)
        if counts is not None:
            counts.count(request_id, method, self.status, self.code)
        problem = {"detail": self.detail, "code": self.code, "request_id": request_id}
        body = json.dumps(problem, separators=(",", ":")).encode()
        own = [(b"content-type", b"application/json"), *self.headers, *SAFE, (NAME, request_id.encode())]
        return [*own, (b"content-length", b"%d" % len(body)), (b"connection", b"close")], body


MALFORMED = Rejection(400, "malformed_request", "What was sent is not a request of HTTP/1.1.")


def headers_too_large(limit: int) -> Rejection:
    """RFC 6585, section 5."""
    detail = f"The request's headers have more than {limit:,} bytes, the most that is accepted."
    return Rejection(431, "headers_too_large", detail)


def too_many_connections(limit: int) -> Rejection:
    detail = f"The service holds {limit:,} connections, the most that it takes at once. Try again shortly."
    return Rejection(503, "too_many_connections", detail, ((b"retry-after", b"1"),))


ROUTE = "unmatched"

_log = logging.getLogger(__name__)


class RejectionCount:
    """Counts rejections among the requests, though none was routed, and says their number once a second.

    A line for each, which whoever floods the service could fill the log with, there is only at the level debug.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._tallies: defaultdict[str, Tally] = defaultdict(Tally)

    def count(self, request_id: str, method: str, status: int, code: str) -> None:
        self._metrics.refusals(method, ROUTE, status).inc()
        log_request(request_id, method, ROUTE, status, 0.0, logging.DEBUG)
        if number := self._tallies[code].add(perf_counter()):
            _log.warning("%d answered %d before the app: %s", number, status, code)
