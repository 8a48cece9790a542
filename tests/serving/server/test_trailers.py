"""Trailers (RFC 9110, section 6.5): whatever a client sends of them, none is kept."""

import asyncio

import pytest

from tests.serving.server.guarded import HEAD, ended, serving
from tests.serving.server.listener import one_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("small_bundle")]


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
