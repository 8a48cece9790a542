"""HTTP/1.1 connections that a slow or greedy client cannot keep."""

import asyncio
import sys

from serving.server.orderly_protocol import OrderlyProtocol
from serving.web.rejections import Rejection, headers_too_large


class GuardedProtocol(OrderlyProtocol):
    """A protocol with limits that uvicorn's does not have, from the settings that its configuration carries.

    A request's head, its line and headers, has at most `max_header_bytes` (more are answered 431, RFC 6585), and so
    have trailers; a head comes within `client_timeout` seconds. So long has a client also to send the rest of a request
    that is answered already. (A body that the app reads has limits of its own: `requests.body`.) A client that reads
    an answer more slowly than the transport's PACE for as long is given up.
    """

    _mixed = False
    """Whether what was received last held more than a part of one head or of trailers."""

    _head_bytes = 0
    """Of the head or the trailers that come, but for what was mixed with something else."""

    _longest_head = 0
    """What a head may have that is whole with what was received last."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        settings = self.config.settings  # type: ignore[attr-defined]
        self._patience, self._most = settings.client_timeout, settings.max_header_bytes
        self._await_client()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _receive(self, data: bytes) -> None:
        self._mixed = False
        self._longest_head = sys.maxsize if self._in_head else len(data)
        super()._receive(data)
        # What came whole, as nearly all does, costs no timer.
        if self._in_head or self._guard.unread:
            self._await_rest(len(data))

    def on_body(self, body: bytes) -> None:
        self._mixed, self._head_bytes = True, 0
        super().on_body(body)

    # Each request asks for these, so they call nothing that they need not.

    def _end_head(self) -> None:
        self._in_head, self._mixed, self._head_bytes = False, True, 0
        if self._timer is not None:
            self._stop_timer()

    def _end_message(self) -> None:
        self._guard.unread, self._mixed, self._head_bytes = False, True, 0
        if self._timer is not None:
            self._stop_timer()

    def _judge(self) -> Rejection | None:
        if self._longest_head <= self._most:
            return None
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        return headers_too_large(self._most) if size > self._most else None

    def _await_rest(self, size: int) -> None:
        """The last `size` bytes ended with a part of a request."""
        if self._guard.deaf or self.transport.is_closing():
            return
        if not self._mixed:
            self._head_bytes += size
        if self._head_bytes > self._most:
            self._reject(headers_too_large(self._most))
        elif self._answering():
            self._more = True
        else:
            self._await_client()

    def _go_on(self) -> None:
        if self._in_head or self._guard.unread:
            self._await_client()
        super()._go_on()

    def _await_client(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self._patience, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
