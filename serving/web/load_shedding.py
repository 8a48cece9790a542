"""Load shedding: the 503 of a full queue, given before anything else is done for a request.

Under a flood most of what comes is refused, and what that costs is taken from what is accepted.
"""

import logging
from collections import defaultdict
from time import perf_counter

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.batching.admission import Admission
from serving.logs import REQUESTS, request_line
from serving.web.metrics import Metrics
from serving.web.middleware import REQUEST_ID, SECURITY_HEADERS, choose_request_id
from serving.web.requests.headers import VARY, joined, prefers_html
from serving.web.schemas import ErrorAnswer

LOG_INTERVAL = 1.0  # seconds

# Under this name the app's lifespan hands its `RefusalCounter` to the server's protocol (ASGI's lifespan state).
REFUSALS = "refusals"

METHOD, ROUTE = "POST", "/predict"

_log = logging.getLogger(__name__)


class RateLimitedCounter:
    """Counts events between log lines, of which there is at most one in LOG_INTERVAL."""

    def __init__(self) -> None:
        self._unlogged = 0
        self._last_logged = float("-inf")

    def add(self, now: float) -> int:
        """Count one event at the time `now`, in seconds.

        Returns:
            The number to log, or 0 where it is too early for that.
        """
        self._unlogged += 1
        if now - self._last_logged < LOG_INTERVAL:
            return 0
        number, self._unlogged, self._last_logged = self._unlogged, 0, now
        return number


class RefusalCounter:
    """Counts requests that are refused before the app's routes, and logs their number once a second.

    A line for each, which whoever floods the service could fill the log with, there is only at the level debug.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._unlogged: defaultdict[str, RateLimitedCounter] = defaultdict(RateLimitedCounter)

    def count(
        self, request_id: str, status: int, code: str, *, method: str = "other", route: str = "unmatched"
    ) -> None:
        """Count one refusal, of a status and an error code, with the template of its route."""
        self._metrics.count_refusal(method, route, status)
        if REQUESTS.isEnabledFor(logging.DEBUG):
            REQUESTS.debug(request_line("debug", request_id, method, route, status, 0.0))
        if number := self._unlogged[code].add(perf_counter()):
            _log.warning("%d answered %d before the app: %s", number, status, code)


class LoadSheddingMiddleware:
    """Answers predictions 503 while the queue is full, as the app would, for a fraction of the work.

    Browsers are left to the app, which answers them with a page.

    Args:
        app: what answers all else.
        admission: tells whether the queue is full.
        metrics: where refusals are counted.
    """

    def __init__(self, app: ASGIApp, admission: Admission, metrics: Metrics) -> None:
        self.app = app
        self._admission = admission
        self._refusals = RefusalCounter(metrics)
        self._error = error = admission.refused()
        placeholder = "request id"
        answer = ErrorAnswer(detail=error.detail, code=error.error_code, request_id=placeholder).model_dump_json()
        self._before_id, self._after_id = answer.encode().split(placeholder.encode())
        headers = {"Content-Type": "application/json", **VARY, **error.headers}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()] + SECURITY_HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI)."""
        if self._admission.full and _is_prediction(scope) and not prefers_html(joined(scope["headers"], b"accept")):
            await self._refuse(scope, send)
        else:
            await self.app(scope, receive, send)

    async def _refuse(self, scope: Scope, send: Send) -> None:
        request_id = choose_request_id(scope["headers"])
        shown = request_id.encode()
        body = b"".join((self._before_id, shown, self._after_id))
        headers = [*self._headers, (REQUEST_ID, shown), (b"content-length", b"%d" % len(body))]
        self._refusals.count(request_id, self._error.status, self._error.error_code, method=METHOD, route=ROUTE)
        await send({"type": "http.response.start", "status": self._error.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _is_prediction(scope: Scope) -> bool:
    return scope["type"] == "http" and (scope["method"], scope["path"]) == (METHOD, ROUTE)
