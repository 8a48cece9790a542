"""What a prediction is answered that comes while the queue is full, told by its headers alone."""

import logging
from http import HTTPStatus
from time import perf_counter

from serving.batching.admission import Admission
from serving.logs import log_request
from serving.web.metrics import Metrics
from serving.web.middleware import NAME, SAFE, choose_id
from serving.web.requests.headers import VARY, RawHeaders, first, joined, prefers_html
from serving.web.schemas import ErrorAnswer

PAUSE = 1.0  # seconds


class Tally:
    """How often something happened since it was last said, which is at most once in PAUSE."""

    def __init__(self) -> None:
        self._unsaid, self._said = 0, float("-inf")

    def add(self, now: float) -> int:
        """Count one. Returns the number to be said, or 0 where it is too early for that."""
        self._unsaid += 1
        if now - self._said < PAUSE:
            return 0
        unsaid, self._unsaid, self._said = self._unsaid, 0, now
        return unsaid


STATE = "refusal"
"""Under this name the app's lifespan hands its refusal to the server's protocol (ASGI's lifespan state)."""

METHOD, ROUTE = "POST", "/predict"
_METHOD, _ROUTE = METHOD.encode(), ROUTE.encode()
_MARK = "request id"

_log = logging.getLogger(__name__)


class Refusal:
    """The answer that a request would get from `admission`, for a third of the work.

    Under a flood most of what comes is refused, and what that costs is taken from what is accepted. So a request that
    no place is left for goes through no middleware and no route. It is counted all the same, but a line for each in the
    log, which would cost as much again, there is only at the level debug: there is one a second with their number.

    Args:
        admission: what tells whether a place is left.
        metrics: where the answers are counted.
        cross_origin: whether answers to other origins' scripts need headers of their own (CORS).
    """

    def __init__(self, admission: Admission, metrics: Metrics, *, cross_origin: bool) -> None:
        error = admission.refused()
        answer = ErrorAnswer(detail=error.detail, code=error.error_code, request_id=_MARK)
        self._body, _, self._rest = answer.model_dump_json().encode().partition(_MARK.encode())
        self._status = error.status
        status = b"HTTP/1.1 %d %s\r\n" % (error.status, HTTPStatus(error.status).phrase.encode())
        headers = {"Content-Type": "application/json", **VARY, **error.headers}
        lines = [(name.lower().encode(), value.encode()) for name, value in headers.items()] + SAFE
        self._head = status + _lines(lines)
        self._admission = admission
        self._counter = metrics.refusals(METHOD, ROUTE, error.status)
        self._cross_origin = cross_origin
        self._tally = Tally()
        self._common: tuple[RawHeaders, bytes] = ((), b"")
        self.begun = 0
        """Requests that the app was handed and has not answered: what came in one go has not yet asked for places."""

    def concerns(self, method: bytes, url: bytes) -> bool:
        """Whether it is a prediction that is asked for."""
        return method == _METHOD and (url == _ROUTE or url.partition(b"?")[0] == _ROUTE)

    def applies(self, headers: RawHeaders) -> bool:
        """Whether a prediction with these headers finds no place and is answered here. Pages are left to the app."""
        return (
            (self._admission.full or self.begun >= self._admission.limit)
            and not prefers_html(joined(headers, b"accept"))
            and not (self._cross_origin and first(headers, b"origin"))
        )

    def answer(self, headers: RawHeaders, server_headers: RawHeaders, *, keep_alive: bool) -> bytes:
        """All of the answer as it is sent (RFC 9112). `server_headers`: what the server puts into every answer."""
        begin = perf_counter()
        request_id = choose_id(headers)
        shown = request_id.encode()
        length = len(self._body) + len(shown) + len(self._rest)
        own = b"%s: %s\r\ncontent-length: %d\r\n" % (NAME, shown, length)
        end = b"\r\n" if keep_alive else b"connection: close\r\n\r\n"
        self._count(request_id, begin)
        return b"".join((self._head, self._lines_of(server_headers), own, end, self._body, shown, self._rest))

    def _lines_of(self, server_headers: RawHeaders) -> bytes:
        """The server makes a new list only once a second, for the date."""
        if self._common[0] is not server_headers:
            self._common = (server_headers, _lines(server_headers))
        return self._common[1]

    def _count(self, request_id: str, begin: float) -> None:
        now = perf_counter()
        self._counter.inc()
        log_request(request_id, METHOD, ROUTE, self._status, now - begin, logging.DEBUG)
        if number := self._tally.add(now):
            _log.warning("%s %s: %d refused, for the queue was full", METHOD, ROUTE, number)


def _lines(headers: RawHeaders) -> bytes:
    return b"".join([b"%s: %s\r\n" % header for header in headers])
