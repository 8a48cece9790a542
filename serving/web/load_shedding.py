"""Load shedding: the 503 of a full queue, given before anything else is done for a request.

Under a flood most of what comes is refused, and what that costs is taken from what is accepted.
"""

import logging
from collections import defaultdict
from collections.abc import Callable
from time import perf_counter

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.batching.admission import Admission
from serving.logs import REQUESTS, request_line
from serving.web.metrics import Metrics
from serving.web.middleware import REQUEST_ID, SECURITY_HEADERS, choose_request_id
from serving.web.requests.headers import VARY, Header, joined, prefers_html
from serving.web.schemas import ErrorAnswer

LOG_INTERVAL = 1.0  # seconds

# Under this name the app's lifespan hands its `LoadShedding` to the server's protocol (ASGI's lifespan state).
LOAD_SHEDDING = "load_shedding"

METHOD, ROUTE = "POST", "/predict"

Refusal = tuple[int, list[Header], bytes]

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


class LoadShedding:
    """The answer to a prediction while the queue is full, which is that of the app for a fraction of the work.

    Args:
        admission: tells whether the queue is full.
        refusals: where the answers are counted.
        version_header: tells the header with the version of the current model.
        before_app: whether a server may ask this before it starts the app; not where the app adds headers to every
            answer, as for scripts of other origins.
    """

    def __init__(
        self,
        admission: Admission,
        refusals: RefusalCounter,
        version_header: Callable[[], Header],
        *,
        before_app: bool = True,
    ) -> None:
        self.refusals, self.version_header, self.before_app = refusals, version_header, before_app
        self._admission = admission
        self._error = error = admission.refused()
        placeholder = "request id"
        answer = ErrorAnswer(detail=error.detail, code=error.error_code, request_id=placeholder).model_dump_json()
        self._before_id, self._after_id = answer.encode().split(placeholder.encode())
        headers = {"Content-Type": "application/json", **VARY, **error.headers}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()] + SECURITY_HEADERS

    def refuse(self, scope: Scope) -> Refusal | None:
        """Refuse a request, and count it, where it asks for a prediction and finds no place.

        Args:
            scope: ASGI's. Browsers are left to the app, which answers them with a page.

        Returns:
            Status, headers and body; or None for what the app is to answer.
        """
        if not self._admission.full or not _is_prediction(scope) or prefers_html(joined(scope["headers"], b"accept")):
            return None
        request_id = choose_request_id(scope["headers"])
        shown = request_id.encode()
        body = b"".join((self._before_id, shown, self._after_id))
        headers = [
            *self._headers,
            self.version_header(),
            (REQUEST_ID, shown),
            (b"content-length", b"%d" % len(body)),
        ]
        self.refusals.count(request_id, self._error.status, self._error.error_code, method=METHOD, route=ROUTE)
        return self._error.status, headers, body


class LoadSheddingMiddleware:
    """Answers as `LoadShedding` does, under any server."""

    def __init__(self, app: ASGIApp, load_shedding: LoadShedding) -> None:
        self.app = app
        self._load_shedding = load_shedding

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI)."""
        refusal = self._load_shedding.refuse(scope)
        if refusal is None:
            await self.app(scope, receive, send)
            return
        status, headers, body = refusal
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _is_prediction(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != METHOD:
        return False
    return str(scope["path"]).removeprefix(scope.get("root_path", "")) == ROUTE
