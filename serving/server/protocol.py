"""HTTP/1.1 protocol: uvicorn's, with the limits and answers that no ASGI app can give.

uvicorn has no deadline for a request's head and no limit of its size, answers what is malformed and what is too much in
plain text, and resets connections whose request it has not read to its end.
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import httptools
from starlette.types import Scope
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from serving.errors import HeadersTooLarge, MalformedRequest, RequestError, TooManyConnections
from serving.process import unsent_bytes
from serving.web.load_shedding import LOAD_SHEDDING, LoadShedding
from serving.web.middleware import REQUEST_ID, SECURITY_HEADERS, choose_request_id
from serving.web.requests.body import BODY_RECEIVED
from serving.web.requests.headers import Header, RawHeaders
from serving.web.schemas import ErrorAnswer

if TYPE_CHECKING:
    from serving.server.config import ServerConfig

JOINED = 16 * 1024  # bytes; what is larger is not worth waiting for more
LINGER = 2.0  # seconds; nginx's lingering_close takes in what still comes for 5 seconds at a time
MIN_READ = 16 * 1024  # bytes a second; as slow as a file may come, and slower than any phone

# The share of MAX_CONNECTIONS from which on a further connection that is idle would be in others' way.
CROWDED = 0.75


class ConnectionTransport:
    """A transport that joins small writes, and whose `close` lets the last answer arrive.

    An answer's head and body, which uvicorn writes apart, go to the system in one call, at the end of the event loop's
    turn: for a small answer that call is the most expensive part.

    Where a connection is closed with something unread, the kernel resets it, and most clients then never see the
    answer (RFC 9112, section 9.6). So `close` says that no more will be written and waits LINGER seconds for the
    client's own end. A client that does not read what was written is given up.

    Args:
        transport: what does the work; all that is not here is its own.
        loop: where the transport lives.
        client_timeout: seconds in which a client that is watched has to take MIN_READ bytes a second.

    Attributes:
        request_incomplete: set by the protocol; whether the client has more to send.
        closed: whether `close` was called.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, client_timeout: float) -> None:
        self._transport, self._loop, self._client_timeout = transport, loop, client_timeout
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0
        self.request_incomplete = False
        self.closed = False
        self._reader_check: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send the data, at once or with what else is written in this turn of the event loop."""
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(data)
        self._unsent_bytes += len(data)
        if self._unsent_bytes > JOINED:
            self._flush()

    def is_closing(self) -> bool:
        """Whether `close` was called, or the connection is lost."""
        return self.closed or self._transport.is_closing()

    def close(self) -> None:
        """Close, at once or after LINGER seconds. What is written already is sent."""
        if self.is_closing():
            return
        self.closed = True
        self._flush()
        if self.request_incomplete:
            with suppress(OSError):  # the client is gone, and the loop has not heard of it yet
                self._transport.write_eof()
                self._transport.resume_reading()
            self._loop.call_later(LINGER, self._transport.close)
        else:
            self._transport.close()
        if self._transport.get_write_buffer_size():
            self.watch_reader()

    def watch_reader(self) -> None:
        """Give the client up where it takes too little of what is written, from now on until `stop_watching`.

        Whether the event loop can write again would not tell: it can when a third of the system's buffer is free,
        and that may be 4 MiB.
        """
        self.stop_watching()
        self._reader_check = self._loop.call_later(self._client_timeout, self._check_reader, self._unread_bytes())

    def stop_watching(self) -> None:
        """Let the client take its time."""
        if self._reader_check is not None:
            self._reader_check.cancel()

    def _check_reader(self, unread_before: int) -> None:
        if unread_before - self._unread_bytes() < MIN_READ * self._client_timeout:
            self._transport.abort()
        else:
            self.watch_reader()

    def _unread_bytes(self) -> int:
        descriptor: int = self._transport.get_extra_info("socket").fileno()
        return self._transport.get_write_buffer_size() + unsent_bytes(descriptor)

    def _flush(self) -> None:
        if self._unsent and not self._transport.is_closing():  # it may have been lost meanwhile
            self._transport.writelines(self._unsent)
        self._unsent, self._unsent_bytes = [], 0


class HTTPProtocol(HttpToolsProtocol):
    """One connection, with the limits that its `ServerConfig` carries.

    A request's head has at most `max_header_bytes` (more are answered 431, RFC 6585, section 5) and comes within
    `client_timeout` seconds; so long has a client also for the rest of a request that is answered already, and to read
    what is written. Above `max_connections`, requests are answered 503. All of these errors, and 400 for what is no
    HTTP, come after the answers to earlier requests of the connection, which ends with them.
    """

    _deadline: asyncio.TimerHandle | None = None
    _in_head = False
    _pending_bytes = 0  # received since the parser last completed a head, a part of a body or a request
    _unanswered = 0  # requests that the app was handed
    _rejection: RequestError | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        settings = cast("ServerConfig", self.config).settings
        self._max_header_bytes, self._max_connections = settings.max_header_bytes, settings.max_connections
        self._client_timeout = settings.client_timeout
        self._load_shedding: LoadShedding | None = self.app_state.get(LOAD_SHEDDING)
        if len(self.connections) >= self._max_connections * CROWDED:
            self.timeout_keep_alive = min(self.timeout_keep_alive, self._client_timeout)
        self._connection = ConnectionTransport(transport, self.loop, self._client_timeout)
        super().connection_made(cast(asyncio.Transport, self._connection))
        self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_deadline()
        self.resume_writing()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self.pipeline.clear()  # what waits there refers to the connection, which would stay in memory with it

    def data_received(self, data: bytes) -> None:
        if self._rejection is not None or self._connection.closed:
            return
        self._pending_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._unsupported_upgrade_warning()
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._reject(cause if isinstance(cause, RequestError) else MalformedRequest())
            return
        if self._pending_bytes > self._max_header_bytes:
            self._reject(HeadersTooLarge(self._max_header_bytes))
        elif not self._unanswered and self._deadline is None and self._request_incomplete():
            self._start_deadline()

    def on_message_begin(self) -> None:
        self._in_head = True
        self._unset_keepalive_if_required()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self._pending_bytes > self._max_header_bytes and self._head_size() > self._max_header_bytes:
            raise HeadersTooLarge(self._max_header_bytes)
        if len(self.connections) >= self._max_connections or len(self.tasks) >= self._max_connections:
            raise TooManyConnections(self._max_connections)
        self._in_head, self._pending_bytes = False, 0
        self._stop_deadline()
        self._unset_keepalive_if_required()
        self._unanswered += 1
        self._connection.request_incomplete = True
        try:
            super().on_headers_complete()
        except Exception:  # its address is none
            self._unanswered -= 1
            self._connection.request_incomplete = False
            raise
        self.headers = []  # trailers, which uvicorn would put among the headers (RFC 9110, section 6.5.1)

    def on_body(self, body: bytes) -> None:
        self._pending_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._pending_bytes = 0
        self._connection.request_incomplete = False
        self.scope["state"][BODY_RECEIVED] = True
        self._stop_deadline()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._unanswered -= 1
        super().on_response_complete()
        if self._unanswered or self._connection.closed:
            return
        if self._rejection is not None:
            self._send_rejection(self._rejection)
        elif self._request_incomplete():
            self._start_deadline()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._connection.watch_reader()

    def resume_writing(self) -> None:
        self._connection.stop_watching()
        super().resume_writing()

    def _request_incomplete(self) -> bool:
        return self._in_head or self._connection.request_incomplete

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _start_deadline(self) -> None:
        self._deadline = self.loop.call_later(self._client_timeout, self.transport.close)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _reject(self, error: RequestError) -> None:
        """Answer what came last with an error, after all that came before it, and parse nothing more."""
        self._rejection = error
        if self._connection.request_incomplete and not self._drop_last_request():
            self.transport.close()
        elif not self._unanswered:
            self._send_rejection(error)

    def _drop_last_request(self) -> bool:
        """Take the request whose body is broken away from the app; False where its answer has begun already."""
        if self.pipeline:
            self.pipeline.popleft()
        elif self.cycle.response_started:
            return False
        else:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._unanswered -= 1
        return True

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Start the app, or answer in its place while the queue is full: the app itself costs three times that."""
        shedding = self._load_shedding
        refusal = shedding.refuse(cast(Scope, cycle.scope)) if shedding and shedding.before_app else None
        if refusal is None:
            super()._start_asgi_task(cycle, app)
            return
        cycle.response_started = cycle.response_complete = True
        self._write(*refusal, keep_alive=cycle.keep_alive)
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def _send_rejection(self, error: RequestError) -> None:
        headers = self.scope["headers"] if self._request_incomplete() else []
        request_id = choose_request_id(headers)
        version: list[Header] = []
        if self._load_shedding is not None:
            self._load_shedding.refusals.count(request_id, error.status, error.error_code)
            version = [self._load_shedding.version_header()]
        answer = ErrorAnswer(detail=error.detail, code=error.error_code, request_id=request_id)
        body = answer.model_dump_json().encode()
        lines = [
            (b"content-type", b"application/json"),
            *((name.lower().encode(), value.encode()) for name, value in error.headers.items()),
            *SECURITY_HEADERS,
            *version,
            (REQUEST_ID, request_id.encode()),
            (b"content-length", b"%d" % len(body)),
        ]
        self._write(error.status, lines, body, keep_alive=False)
        self._connection.request_incomplete = True
        self.transport.close()

    def _write(self, status: int, headers: RawHeaders, body: bytes, *, keep_alive: bool) -> None:
        lines = [*self.server_state.default_headers, *headers, *(() if keep_alive else [(b"connection", b"close")])]
        head = b"".join([b"%s: %s\r\n" % line for line in lines])
        self.transport.write(b"".join((STATUS_LINE[status], head, b"\r\n", body)))
