"""How connections end, on both event loops: uvicorn takes uvloop where there is one."""

import asyncio
import http.client
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from serving.server.protocol import GuardedProtocol
from serving.server.transport import GuardedTransport
from serving.server.undelivered import Undelivered
from tests.serving.server.listener import all_of, emptied, listening, one_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("small_bundle")]

ANSWER = b"x" * 50_000
CLOSE = {"Connection": "close"}


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    if request.param:
        pytest.importorskip("uvloop")
    return "asyncio", {"use_uvloop": request.param}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    response = Response(b"no", 413, CLOSE) if scope["method"] == "POST" else Response(ANSWER, headers=CLOSE)
    await response(scope, receive, send)


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[tuple[ServerState, int]]:
    async with listening(app, GuardedProtocol, {}, **settings) as (state, port):
        yield state, port


async def asked(state: ServerState, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which all but the first of an answer has to wait for the client to read it."""
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    own.connect(("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=own, limit=1024)
    while not state.connections:
        await asyncio.sleep(0.01)
    (connection,) = state.connections
    theirs = connection.transport.get_extra_info("socket")
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(0.3)
    assert connection.transport.get_write_buffer_size() > 20_000
    return reader, writer


@pytest.mark.parametrize("leaves", [False, True], ids=["stays", "says no more"])
async def test_an_answer_that_nobody_reads_is_not_waited_for(leaves: bool) -> None:
    async with serving(client_timeout=1) as (state, port):
        _, writer = await asked(state, port)
        if leaves:
            writer.write_eof()
        await emptied(state)
        writer.close()


async def test_an_answer_that_is_read_slowly_is_whole() -> None:
    async with serving(client_timeout=1) as (state, port):
        reader, writer = await asked(state, port)
        received = b""
        while chunk := await asyncio.wait_for(reader.read(4096), 10):
            received += chunk
            await asyncio.sleep(0.2)
        assert received.endswith(ANSWER)
        writer.close()


async def test_an_answer_to_a_body_that_is_not_read_arrives() -> None:
    async with serving() as (state, port):
        for _ in range(10):
            assert await asyncio.to_thread(post, port, b"a" * 5_000_000) == (413, b"no")
        await emptied(state)


def post(port: int, body: bytes) -> tuple[int, bytes]:
    """As most clients do: all is sent before the answer is looked at."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/", body)
    answer = connection.getresponse()
    try:
        return answer.status, answer.read()
    finally:
        connection.close()


async def test_a_client_sees_at_once_that_no_more_will_be_answered() -> None:
    async with serving() as (state, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        assert (await asyncio.wait_for(all_of(reader), 1)).endswith(b"no")
        assert len(state.connections) == 1, "it takes in what the client may still send"
        writer.close()
        await emptied(state)


@pytest.mark.parametrize("limit", ["LINGER", "DISCARDED"])
async def test_what_comes_after_the_answer_is_taken_in_within_limits(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.server.transport.LINGER", 0.3 if limit == "LINGER" else 1000)
    monkeypatch.setattr("serving.server.transport.DISCARDED", 1_000_000 if limit == "DISCARDED" else 10**12)
    async with serving() as (state, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000000\r\n\r\n")
        assert (await one_of(reader)).endswith(b"no")
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(send_endlessly(writer), 20)
        await emptied(state)
        writer.close()


async def send_endlessly(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"a" * 10_000)
        await writer.drain()


async def test_reading_that_was_paused_goes_on() -> None:
    async with serving() as (state, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + b"a" * 3_000_000)
        async with asyncio.timeout(10):
            await writer.drain()
            while (connection := next(iter(state.connections))).cycle is None:  # type: ignore[union-attr]
                await asyncio.sleep(0.01)
        assert len(connection.cycle.body) < 2**20  # type: ignore[union-attr]
        assert (await asyncio.wait_for(all_of(reader), 10)).endswith(b"no")
        writer.close()
        await emptied(state)


async def test_a_client_that_is_gone_already_is_not_waited_for() -> None:
    calls = []

    class Gone:
        write = None

        def write_eof(self) -> None:
            raise OSError

        def __getattr__(self, name: str) -> Any:
            return lambda: calls.append(name) if name == "close" else name == "can_write_eof"

    guard = GuardedTransport(cast(asyncio.Transport, Gone()), asyncio.get_running_loop(), 1, Undelivered())
    guard.unread = True
    guard.close()
    assert calls == ["close"]
