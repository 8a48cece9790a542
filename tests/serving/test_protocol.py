import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from serving.protocol import GuardedProtocol
from tests.serving.listener import all_of, emptied, listening, one_of

pytestmark = pytest.mark.anyio

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
LARGE = 30_000_000


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    content = "x" * LARGE if scope["path"] == "/large" else "ok"
    if scope["path"] == "/slow":
        await asyncio.sleep(2)
    if scope["path"] == "/read":
        content = str(len(await Request(scope, receive).body()))
    await PlainTextResponse(content)(scope, receive, send)


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[tuple[ServerState, Callable[[], Awaitable[Connection]]]]:
    async with listening(app, GuardedProtocol, {}, **settings) as (state, port):
        yield state, lambda: asyncio.open_connection("127.0.0.1", port)


@pytest.fixture(autouse=True)
def _small_bundle(pristine_bundle: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_DIR", str(pristine_bundle))


async def ended(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the server ends the connection."""
    return await asyncio.wait_for(all_of(reader), 20)


async def test_requests_one_after_the_other_and_in_pieces() -> None:
    async with serving(client_timeout=5) as (_, connect):
        reader, writer = await connect()
        for _ in range(3):
            for piece in (HEAD[:7], HEAD[7:], b"\r\n"):
                writer.write(piece)
                await asyncio.sleep(0.01)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            assert head.startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(2) == b"ok"
        writer.close()


@pytest.mark.parametrize("begun", [b"", HEAD])
async def test_a_head_that_does_not_come_ends_the_connection(begun: bytes) -> None:
    async with serving(client_timeout=1) as (_, connect):
        reader, writer = await connect()
        writer.write(begun)
        assert await ended(reader) == b""
        writer.close()


async def test_a_head_that_trickles_gets_no_more_time() -> None:
    async with serving(client_timeout=1) as (_, connect):
        reader, writer = await connect()

        async def trickle() -> None:
            writer.write(HEAD + b"X-Long: ")
            for _ in range(500):
                writer.write(b"a")
                await asyncio.sleep(0.02)

        trickling = asyncio.create_task(trickle())
        assert await ended(reader) == b""
        assert trickling.cancel(), "it was cut while it came"
        writer.close()


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"], ids=["endless", "whole"])
@pytest.mark.parametrize("long", [b"X-Long: ", b"Cookie: "])
async def test_a_large_head_is_refused(long: bytes, end: bytes) -> None:
    async with serving(max_header_bytes=1024) as (_, connect):
        reader, writer = await connect()
        writer.write(HEAD + long + b"a" * 1100 + end)
        answer = await ended(reader)
        assert answer.startswith(b"HTTP/1.1 431")
        assert b'"code":"headers_too_large"' in answer
        assert answer.count(b"HTTP/1.1") == 1
        writer.close()


@pytest.mark.parametrize(
    ("request_", "rest"),
    [
        (HEAD + b"\r\n", b"\r\n"),
        (HEAD + b"Content-Length: 5\r\n\r\n", b"a"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0\r\nX-Trailer: a\r\n"),
    ],
    ids=["an empty line", "a part of the body", "a part of the trailers"],
)
async def test_what_begins_no_request_leaves_the_connection_its_end(
    request_: bytes, rest: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.server.KEEP_ALIVE", 1)
    async with serving(client_timeout=1) as (state, connect):
        reader, writer = await connect()
        writer.write(request_)
        assert (await one_of(reader)).endswith(b"ok")
        writer.write(rest)
        assert await ended(reader) == b""
        await emptied(state)
        writer.close()


async def test_the_rest_of_a_request_that_is_answered_has_no_more_time_than_a_head() -> None:
    async with serving(client_timeout=1) as (state, connect):
        reader, writer = await connect()
        writer.write(HEAD + b"Content-Length: 5000\r\n\r\n")
        assert (await one_of(reader)).endswith(b"ok")

        async def trickle() -> None:
            while True:
                writer.write(b"a")
                await asyncio.sleep(0.05)

        trickling = asyncio.create_task(trickle())
        assert await ended(reader) == b""
        await emptied(state)
        assert trickling.cancel(), "it was cut while it came"
        writer.close()


async def test_a_body_that_comes_after_the_answer_leaves_the_connection_open() -> None:
    async with serving(client_timeout=1) as (_, connect):
        reader, writer = await connect()
        for _ in range(2):
            writer.write(HEAD + b"Content-Length: 5\r\n\r\n")
            assert (await one_of(reader)).endswith(b"ok")
            writer.write(b"aaaaa")
            await asyncio.sleep(1.5)
        writer.close()


@pytest.mark.parametrize("length", [1, 100_000], ids=["many", "long"])
@pytest.mark.parametrize("path", [b"/ ", b"/read "])
async def test_trailers_are_limited(path: bytes, length: int) -> None:
    async with serving(max_header_bytes=1024) as (state, connect):
        reader, writer = await connect()
        writer.write(HEAD.replace(b"/ ", path, 1) + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n")
        if path == b"/ ":
            assert (await one_of(reader)).endswith(b"ok")
        await asyncio.sleep(0.1)
        (connection,) = state.connections
        writer.write(b"X-a: " + b"a" * length + b"\r\n")
        for _ in range(300):
            writer.write(b"X-a: a\r\n")
        answer = await ended(reader)
        assert answer == b"" if path == b"/ " else answer.startswith(b"HTTP/1.1 431")
        assert len(connection.headers) == 2  # type: ignore[union-attr]
        writer.close()


async def test_chunks_are_no_trailers() -> None:
    async with serving(max_header_bytes=1024) as (_, connect):
        reader, writer = await connect()
        writer.write(HEAD.replace(b"/ ", b"/read ", 1) + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(600):
            writer.write(b"1\r\na\r\n")
            await asyncio.sleep(0)
        writer.write(b"0\r\nX-Sum: 1\r\n\r\n")
        assert (await one_of(reader)).endswith(b"600")
        writer.close()


async def test_idle_connections_make_room_where_there_are_many() -> None:
    async with serving(client_timeout=1, max_connections=8) as (state, connect):
        connections = []
        for _ in range(7):
            connections.append(await connect())
            connections[-1][1].write(HEAD + b"\r\n")
            assert (await one_of(connections[-1][0])).endswith(b"ok")
        assert await ended(connections[-1][0]) == b"", "of eight, seven are many"
        assert len(state.connections) == 6
        reader, writer = connections[0]
        writer.write(HEAD + b"\r\n")
        assert (await one_of(reader)).endswith(b"ok")
        for _, writer in connections:
            writer.close()


async def test_a_large_body_before_the_next_head_is_none_of_it() -> None:
    async with serving(max_header_bytes=1024) as (_, connect):
        reader, writer = await connect()
        first = HEAD.replace(b"/ ", b"/read ", 1) + b"Content-Length: 18000\r\n\r\n" + b"a" * 18_000
        writer.write(first + HEAD)
        assert (await one_of(reader)).endswith(b"18000")
        writer.write(b"\r\n")
        assert (await one_of(reader)).endswith(b"ok")
        writer.close()


async def test_a_head_has_its_time_once_the_answer_before_it_is_given() -> None:
    async with serving(client_timeout=1) as (_, connect):
        reader, writer = await connect()
        writer.write(HEAD.replace(b"/ ", b"/slow ", 1) + b"\r\n" + HEAD)
        assert (await one_of(reader)).endswith(b"ok")
        writer.write(b"X-More: a\r\n")
        assert await ended(reader) == b""
        writer.close()


async def test_a_large_head_is_refused_after_the_answer_before_it() -> None:
    async with serving(max_header_bytes=1024) as (_, connect):
        reader, writer = await connect()
        writer.write(HEAD.replace(b"/ ", b"/slow ", 1) + b"\r\n" + HEAD)
        for _ in range(3):
            await asyncio.sleep(0.1)
            writer.write(b"X-Long: " + b"a" * 1000)
        answers = await ended(reader)
        assert [part[:3] for part in answers.split(b"HTTP/1.1 ")] == [b"", b"200", b"431"]
        writer.close()


async def test_an_answer_that_nobody_reads_ends_the_connection() -> None:
    async with serving(client_timeout=1) as (state, connect):
        _, writer = await connect()
        writer.write(HEAD.replace(b"/ ", b"/large ", 1) + b"\r\n")
        async with asyncio.timeout(20):
            while not state.connections:
                await asyncio.sleep(0.01)
            while state.connections:
                await asyncio.sleep(0.05)
        writer.close()


async def test_an_answer_that_is_read_slowly_is_whole() -> None:
    async with serving(client_timeout=1) as (_, connect):
        reader, writer = await connect()
        writer.write(HEAD.replace(b"/ ", b"/large ", 1) + b"Connection: close\r\n\r\n")
        received = 0
        while chunk := await asyncio.wait_for(reader.read(LARGE // 8), 20):
            received += len(chunk)
            await asyncio.sleep(0.02)
        assert received > LARGE
        writer.close()
