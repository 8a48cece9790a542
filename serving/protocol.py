"""HTTP/1.1 connections that a slow or greedy client cannot keep."""

import asyncio
import json

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

PACE = 1024  # bytes a second

_DETAIL = "The request's headers have more than {limit:,} bytes, the most that is accepted."


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with limits that it does not have, from the settings that its configuration carries.

    A request's head, its line and headers, has at most `max_header_bytes` (more are answered 431, RFC 6585) and comes
    within `client_timeout` seconds. A client that reads an answer more slowly than PACE for as long is given up. (The
    body's limits are those of `serving.body`.)
    """

    _in_head = True
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        settings = self.config.settings  # type: ignore[attr-defined]
        self._patience, self._most = settings.client_timeout, settings.max_header_bytes
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        self._stop_write_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # A head that came whole, as nearly all do, costs no timer.
        if self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > self._most:
                self._refuse_head()
            elif self._head_timer is None:
                self._await_head()

    def on_message_begin(self) -> None:
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_head_timer()
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) <= self._most:
            super().on_headers_complete()
            return
        app, self.app = self.app, self._answer_431
        try:
            super().on_headers_complete()
        finally:
            self.app = app

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_writing()

    def resume_writing(self) -> None:
        self._stop_write_timer()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        # Closing waits for what is unread, however long the client does not read it.
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def _watch_writing(self) -> None:
        unread = self.transport.get_write_buffer_size()
        self._write_timer = self.loop.call_later(self._patience, self._check_writing, unread)

    def _check_writing(self, unread: int) -> None:
        """Give up a client that has read too little of the `unread` bytes that there were."""
        if self.transport.get_write_buffer_size() > unread - PACE * self._patience:
            self.transport.abort()
        else:
            self._watch_writing()

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self._patience, self.transport.close)

    def _refuse_head(self) -> None:
        body = self._problem()
        head = f"HTTP/1.1 431 \r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close"
        self.transport.write(f"{head}\r\n\r\n".encode() + body)
        self.transport.close()

    async def _answer_431(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        body = self._problem()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        headers += [(b"connection", b"close")]
        await send({"type": "http.response.start", "status": 431, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _problem(self) -> bytes:
        detail = _DETAIL.format(limit=self._most)
        return json.dumps({"detail": detail, "code": "headers_too_large", "request_id": ""}).encode()

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
