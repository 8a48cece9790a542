import asyncio

import pytest

from serving.server.undelivered import LIMIT
from tests.serving.server.guarded import HEAD, LARGE, ended, serving
from tests.serving.server.listener import emptied, one_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("small_bundle")]


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
    monkeypatch.setattr("serving.server.config.KEEP_ALIVE", 1)
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


async def test_answers_that_nobody_reads_hold_little_memory_together() -> None:
    async with serving() as (state, connect):
        clients = []
        for _ in range(5):
            clients.append(await connect())
            clients[-1][1].write(HEAD.replace(b"/ ", b"/large ", 1) + b"\r\n")
            await asyncio.wait_for(clients[-1][0].readuntil(b"\r\n"), 10)
        await asyncio.sleep(0.1)
        held = [connection.transport.get_write_buffer_size() for connection in state.connections]
        assert sum(held) - max(held) < LIMIT, "but for one, which may be as long as it is"
        reader, writer = clients[-1]
        assert len(await reader.readuntil(b"\r\n\r\n")) > 0
        assert len(await asyncio.wait_for(reader.readexactly(LARGE), 20)) == LARGE
        for _, writer in clients:
            writer.transport.abort()
