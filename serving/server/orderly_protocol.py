"""HTTP/1.1 connections that answer everything in its turn, and whose last answer arrives."""

import asyncio
from typing import TYPE_CHECKING, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.server.flow import BoundedFlow
from serving.server.transport import GuardedTransport
from serving.web.rejections import MALFORMED, Rejection, too_many_connections

if TYPE_CHECKING:
    from serving.server.config import ServerConfig

CROWDED = 0.75
LOOK = 0.001  # seconds


class OrderlyProtocol(HttpToolsProtocol):
    """uvicorn's protocol, but for what it answers without the app, and for when.

    That is a `Rejection`: of what is no HTTP, 400, and of requests above the limit of connections, 503. It comes after
    the answers to all that was asked before it, and nothing behind it is read. Trailers (RFC 9110, section 6.5) are
    dropped.

    A connection that is idle is kept for uvicorn's `timeout_keep_alive`, which is to be longer than a proxy in front
    keeps it, lest the proxy send a request on one that is just closed. Where more than CROWDED of the connections that
    may be held are, a further one would be in others' way and is kept idle for no longer than `client_timeout`. Only a
    request that begins ends that time: with uvicorn any byte does, and for good.
    """

    _in_head = False
    _more = False
    """Whether something came behind the head of a request that was not yet answered."""

    _last_word: Rejection | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        config = cast("ServerConfig", self.config)
        settings = config.settings
        self._most_held, self.limit_concurrency = settings.max_connections, None  # uvicorn would answer no JSON
        if len(self.connections) >= self._most_held * CROWDED:
            self.timeout_keep_alive = min(self.timeout_keep_alive, settings.client_timeout)
        self._guard = GuardedTransport(transport, self.loop, settings.client_timeout, config.undelivered)
        super().connection_made(self._guard)  # type: ignore[arg-type]
        self.flow = self._flow = BoundedFlow(self.transport, self.pipeline)

    def connection_lost(self, exc: Exception | None) -> None:
        self._guard.lost()
        super().connection_lost(exc)
        # What would be left refers to the connection, and would keep it and itself in memory.
        self._unset_keepalive_if_required()
        self.pipeline.clear()
        self._flow.forget()

    def eof_received(self) -> None:
        self._guard.unread = False
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        if self._flow.divides(data):
            self._receive_pieces()
        else:
            self._receive(data)

    def _receive_pieces(self) -> None:
        for piece in self._flow.pieces():
            self._receive(piece)

    def _receive(self, data: bytes) -> None:
        """Take in what came, or a piece of it."""
        if self._guard.deaf:
            self._guard.discard(data)
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._unsupported_upgrade_warning()
        except httptools.HttpParserError:
            self._reject(MALFORMED)

    def on_message_begin(self) -> None:
        self._in_head = True
        self._unset_keepalive_if_required()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """As uvicorn's, for which a trailer is a header."""
        if self._in_head:
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._end_head()
        self._begin_request()

    def on_message_complete(self) -> None:
        self._end_message()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._flow.behind:
            # Not now: this may be told while a piece is being looked at.
            self.loop.call_soon(self._receive_pieces)
        if self._more and not self._answering() and not self.transport.is_closing():
            self._more = False
            self._go_on()

    def timeout_keep_alive_handler(self) -> None:
        """As uvicorn's, but that what the client has sent by now is read first.

        A request that came while the loop was busy with others would else be closed upon.
        """
        self.timeout_keep_alive_task = self.loop.call_later(LOOK, super().timeout_keep_alive_handler)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._guard.watch()

    def resume_writing(self) -> None:
        self._guard.unwatch()
        super().resume_writing()

    def _answering(self) -> bool:
        """Whether a request of this connection waits for its answer or for the rest of it."""
        return self.cycle is not None and not self.cycle.response_complete

    def _go_on(self) -> None:
        """All is answered that the app was handed."""
        if self._in_head:
            self._unset_keepalive_if_required()
        if self._last_word is not None:
            self._say(self._last_word)

    def _end_head(self) -> None:
        self._in_head = False

    def _end_message(self) -> None:
        self._guard.unread = False

    def _begin_request(self) -> None:
        if len(self.connections) >= self._most_held or len(self.tasks) >= self._most_held:
            self._begin_with(too_many_connections(self._most_held))
        elif (rejection := self._judge()) is not None:
            self._begin_with(rejection)
        else:
            super().on_headers_complete()
        self._guard.unread = True

    def _begin_with(self, rejection: Rejection) -> None:
        app, self.app = self.app, rejection
        try:
            super().on_headers_complete()
        finally:
            self.app = app

    def _judge(self) -> Rejection | None:
        """What is wrong with a request's head, if anything is."""
        return None

    def _reject(self, rejection: Rejection) -> None:
        """Answer in its turn what came last, and take nothing more."""
        self._guard.deaf = self._more = True
        if self._guard.unread and not self.pipeline:
            self._reject_begun(rejection)
            return
        if self._guard.unread:
            self.pipeline[0] = (self.cycle, rejection)  # type: ignore[assignment]
        elif self._answering():
            self._last_word = rejection
        else:
            self._say(rejection)
            return
        self._flow.hold()

    def _reject_begun(self, rejection: Rejection) -> None:
        """The same for a request that the app was handed, unless it is being answered or was."""
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        if self.cycle.response_started:
            self.transport.close()
        else:
            self._say(rejection)

    def _say(self, rejection: Rejection) -> None:
        headers = self.headers if self._in_head or self._guard.unread else ()
        self.transport.write(rejection.raw(headers, self.server_state.default_headers, self.app_state))
        self._guard.unread = True
        self.transport.close()
