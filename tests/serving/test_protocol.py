import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from serving.protocol import GuardedProtocol
from tests.serving.listener import all_of, listening

pytestmark = pytest.mark.anyio

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
LARGE = 30_000_000


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    content = "x" * LARGE if scope["path"] == "/large" else "ok"
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
        assert b'"code": "headers_too_large"' in answer
        assert answer.count(b"HTTP/1.1") == 1
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
