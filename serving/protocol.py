"""HTTP/1.1 connections that a slow or greedy client cannot keep."""

import asyncio

from serving.orderly_protocol import OrderlyProtocol
from serving.rejection import Rejection, headers_too_large

CROWDED = 0.75


class GuardedProtocol(OrderlyProtocol):
    """A protocol with limits that uvicorn's does not have, from the settings that its configuration carries.

    A request's head, its line and headers, has at most `max_header_bytes` (more are answered 431, RFC 6585), and so
    have trailers; a head comes within `client_timeout` seconds. So long has a client also to send the rest of a request
    that is answered already. (The limits of a body that the app reads are those of `serving.body`.) A client that reads
    an answer more slowly than the transport's PACE for as long is given up.

    A connection that is idle is kept for uvicorn's `timeout_keep_alive`, which is to be longer than a proxy in front
    keeps it, lest the proxy send a request on one that is just closed. Where more than CROWDED of the connections that
    may be held are, one that becomes idle is in others' way and is kept for no longer than `client_timeout`.
    """

    _mixed = False
    """Whether what was received last held more than a part of one head or of trailers."""

    _head_bytes = 0
    """Of the head or the trailers that come, but for what was mixed with something else."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        settings = self.config.settings  # type: ignore[attr-defined]
        self._patience, self._most = settings.client_timeout, settings.max_header_bytes
        self._await_client()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._mixed = False
        super().data_received(data)
        # What came whole, as nearly all does, costs no timer.
        if (self._in_head or self._guard.unread) and not self._deaf and not self.transport.is_closing():
            self._await_rest(len(data))

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        self._mixed, self._head_bytes = True, 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        self.timeout_keep_alive = self._idle_time()
        super().on_response_complete()
        if (self._in_head or self._guard.unread) and not self._answering() and not self.transport.is_closing():
            self._await_more()

    def _end_head(self) -> None:
        super()._end_head()
        self._mixed, self._head_bytes = True, 0
        self._stop_timer()

    def _end_message(self) -> None:
        super()._end_message()
        self._mixed = True
        self._stop_timer()

    def _judge(self) -> Rejection | None:
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > self._most:
            return headers_too_large(self._most)
        return super()._judge()

    def _idle_time(self) -> int:
        """Seconds for which the connection is kept once it is idle."""
        longest: int = self.config.timeout_keep_alive
        return longest if len(self.connections) <= self._most_held * CROWDED else min(longest, self._patience)

    def _await_rest(self, size: int) -> None:
        """The last `size` bytes ended with a part of a request."""
        if not self._mixed:
            self._head_bytes += size
        if self._head_bytes > self._most:
            self._reject(headers_too_large(self._most))
        elif not self._answering():
            self._await_client()

    def _await_more(self) -> None:
        """All is answered of which the head was whole, and more has come than that."""
        if self._in_head:
            self._unset_keepalive_if_required()
        self._await_client()

    def _await_client(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self._patience, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
