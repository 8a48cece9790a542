"""A listener of the server's protocol around an app of a test, and what reads its answers."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from serving.batching.admission import Admission
from serving.server.config import ServerConfig
from serving.server.protocol import HTTPProtocol
from serving.settings import Settings
from serving.web.load_shedding import LOAD_SHEDDING, LoadShedding, RefusalCounter
from serving.web.metrics import Metrics
from tests.serving.fakes import FakePredictor

HEAD = b"GET / HTTP/1.1\r\nX-Request-ID: mine\r\nHost: x\r\n"
LARGE = 30_000_000
VERSION = (b"x-model-version", b"0123456789ab")

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def head(path: str, *lines: str) -> bytes:
    """The beginning of a GET request, which an empty line ends."""
    return b"".join([HEAD.replace(b"/ ", f"{path} ".encode(), 1), *(f"{line}\r\n".encode() for line in lines)])


@dataclass
class Listener:
    """An app behind the protocol, and uvicorn's state.

    By its path a request is answered at once, after `go` (/held), with LARGE bytes (/large), after its body was read
    (/read), or 413 without that (/refused). `disconnected` has the paths of those whose client left.
    """

    state: ServerState = field(default_factory=ServerState)
    admission: Admission = field(default_factory=lambda: Admission(1))
    metrics: Metrics = field(default_factory=lambda: Metrics(FakePredictor().metadata, load=lambda: 0))
    go: asyncio.Event = field(default_factory=asyncio.Event)
    disconnected: list[str] = field(default_factory=list)
    headers: list[list[tuple[bytes, bytes]]] = field(default_factory=list)
    port: int = 0

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, content = scope["path"], "x" * LARGE if scope["path"] == "/large" else "ok"
        self.headers.append(scope["headers"])
        if path == "/held":
            await self.go.wait()
        if path == "/read":
            try:
                content = str(len(await Request(scope, receive).body()))
            except ClientDisconnect:
                self.disconnected.append(path)
                return
        refused = path == "/refused"
        response = PlainTextResponse(
            "no" if refused else content, 413 if refused else 200, {"Connection": "close"} if refused else {}
        )
        await response(scope, receive, send)

    async def connect(self) -> Connection:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, *parts: bytes) -> bytes:
        """All that is answered until the server ends the connection."""
        reader, writer = await self.connect()
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0.05)
        try:
            return await asyncio.wait_for(all_of(reader), 20)
        finally:
            writer.close()

    def counted(self, status: int, route: str = "unmatched", number: int = 1) -> bool:
        """Whether so many answers without the app were counted."""
        return f'route="{route}",status="{status}"}} {number}.0' in self.metrics.expose("")[0].decode()

    async def emptied(self) -> None:
        """Wait until every connection has ended, at the server's side too. Raises TimeoutError where one does not."""
        async with asyncio.timeout(20):
            while self.state.connections:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def listening(*, keep_alive: int | None = None, **settings: Any) -> AsyncIterator[Listener]:
    """A listener under these settings. `keep_alive`: seconds that an idle connection is kept."""
    listener = Listener()
    config = ServerConfig(Settings(**settings))
    config.timeout_keep_alive = keep_alive or config.timeout_keep_alive
    config.load()
    config.loaded_app = listener.app
    lifespan = {LOAD_SHEDDING: LoadShedding(listener.admission, RefusalCounter(listener.metrics), lambda: VERSION)}
    server = await asyncio.get_running_loop().create_server(
        lambda: HTTPProtocol(config, listener.state, lifespan), "127.0.0.1", 0
    )
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        for connection in list(listener.state.connections):
            connection.transport.abort()
        server.close()


async def all_of(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the connection ends, also by a reset, as where the client still wrote when it was closed."""
    received = b""
    try:
        while chunk := await reader.read(65536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


async def one_of(reader: asyncio.StreamReader) -> bytes:
    """One answer, which says how long it is."""
    lines = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    length = int(lines.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return lines + await asyncio.wait_for(reader.readexactly(length), 10)


def statuses(answers: bytes) -> list[int]:
    """Of several answers, in their order."""
    return [int(answer[:3]) for answer in answers.split(b"HTTP/1.1 ")[1:]]


def check_shape(answer: bytes, status: int, code: str, request_id: str = "") -> dict[str, str]:
    """Assert the contract of errors. Returns the headers."""
    lines, _, content = answer.partition(b"\r\n\r\n")
    first, *others = lines.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in others)
    problem = json.loads(content)
    assert first.startswith(f"HTTP/1.1 {status} ")
    assert set(problem) == {"detail", "code", "request_id"}
    assert problem["code"] == code
    assert headers["x-request-id"] == problem["request_id"] == (request_id or problem["request_id"])
    assert len(problem["request_id"]) >= 4
    assert headers["x-model-version"] == VERSION[1].decode()
    assert headers["content-type"] == "application/json"
    assert headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" in headers
    assert headers["connection"] == "close"
    assert int(headers["content-length"]) == len(content)
    return headers
