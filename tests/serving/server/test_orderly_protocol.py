"""Against a real listener: what it answers without the app, and when."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from serving.server.flow import PIECE
from serving.server.protocol import GuardedProtocol
from serving.web.metrics import Metrics
from serving.web.rejections import STATE, RejectionCount
from tests.serving.fakes import FakePredictor
from tests.serving.server.listener import all_of, emptied, listening, one_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("small_bundle")]

NONSENSE = b"no HTTP at all\r\n\r\n"
BROKEN = b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n"


def head(path: str = "/") -> bytes:
    return f"GET {path} HTTP/1.1\r\nX-Request-ID: mine\r\nHost: x\r\n".encode()


class Server:
    """What a test sees of one: requests below /held wait for `go`; `left` are those that their clients gave up."""

    def __init__(self, state: ServerState, port: int, metrics: Metrics) -> None:
        self.state, self.port, self.metrics = state, port, metrics

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, *pieces: bytes) -> bytes:
        """All that is answered until the connection ends."""
        reader, writer = await self.connect()
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.05)
        try:
            return await asyncio.wait_for(all_of(reader), 10)
        finally:
            writer.close()

    def counted(self, status: int) -> bool:
        return f'route="unmatched",status="{status}"}} 1.0' in self.metrics.expose("")[0].decode()


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[tuple[Server, asyncio.Event, list[str]]]:
    go, left = asyncio.Event(), list[str]()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/held"):
            await go.wait()
        if scope["path"].endswith("/read"):
            try:
                await Request(scope, receive).body()
            except ClientDisconnect:
                left.append(scope["path"])
                return
        await PlainTextResponse("ok")(scope, receive, send)

    metrics = Metrics(FakePredictor().metadata, load=lambda: 0)
    async with listening(app, GuardedProtocol, {STATE: RejectionCount(metrics)}, **settings) as (state, port):
        yield Server(state, port, metrics), go, left


def statuses(answers: bytes) -> list[int]:
    return [int(answer[:3]) for answer in answers.split(b"HTTP/1.1 ")[1:]]


def check_shape(answer: bytes, status: int, code: str, request_id: str = "") -> dict[str, str]:
    """The contract of errors. Returns the headers."""
    lines, _, content = answer.partition(b"\r\n\r\n")
    first, *rest = lines.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in rest)
    problem = json.loads(content)
    assert first.startswith(f"HTTP/1.1 {status} ")
    assert set(problem) == {"detail", "code", "request_id"}
    assert problem["code"] == code
    assert headers["x-request-id"] == problem["request_id"] == (request_id or problem["request_id"])
    assert len(problem["request_id"]) >= 4
    assert headers["content-type"] == "application/json"
    assert headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" in headers
    assert headers["connection"] == "close"
    assert int(headers["content-length"]) == len(content)
    return headers


@pytest.mark.parametrize("before", [b"", head() + b"\r\n"], ids=["first", "after another"])
async def test_nonsense_is_malformed(before: bytes) -> None:
    async with serving() as (server, _, _):
        answers = await server.ask(before, NONSENSE)
        check_shape(b"HTTP/1.1 " + answers.split(b"HTTP/1.1 ")[-1], 400, "malformed_request")
        assert statuses(answers)[:-1] == ([200] if before else [])
        assert b"mine" not in answers, "the other request's id"
        assert server.counted(400)


async def test_nonsense_in_a_head_has_the_id_that_came_before_it() -> None:
    async with serving() as (server, _, _):
        check_shape(await server.ask(head() + b"no header\r\n\r\n"), 400, "malformed_request", "mine")


@pytest.mark.parametrize("whole", [True, False])
async def test_a_large_head(whole: bool) -> None:
    async with serving(max_header_bytes=1024) as (server, _, _):
        answer = await server.ask(head() + b"X-Long: " + b"a" * 1100 + b"\r\n\r\n" * whole)
        check_shape(answer, 431, "headers_too_large", "mine")
        assert server.counted(431)


async def test_one_connection_too_many() -> None:
    async with serving(max_connections=3) as (server, _, _):
        others = [await server.connect() for _ in range(2)]
        headers = check_shape(await server.ask(head() + b"\r\n"), 503, "too_many_connections", "mine")
        assert headers["retry-after"] == "1"
        assert server.counted(503)
        reader, writer = others[0]
        writer.write(head() + b"\r\n")
        assert (await one_of(reader)).endswith(b"ok")
        for _, writer in others:
            writer.close()


@pytest.mark.parametrize("behind", [NONSENSE, head("/read") + BROKEN], ids=["head", "body"])
async def test_what_is_malformed_waits_for_the_answers_before_it(behind: bytes) -> None:
    async with serving() as (server, go, left):
        asked = asyncio.create_task(server.ask(head("/held") + b"\r\n" + behind, head() + b"\r\n"))
        await asyncio.sleep(0.3)
        assert not asked.done()
        go.set()
        answers = await asked
        assert statuses(answers) == [200, 400], "and nothing behind it is answered"
        assert left == []


async def test_a_body_that_is_malformed_ends_the_request_that_it_is_of() -> None:
    async with serving() as (server, _, left):
        answer = await server.ask(head("/read") + BROKEN)
        check_shape(answer, 400, "malformed_request", "mine")
        assert left == ["/read"]


async def test_a_body_that_is_malformed_after_the_answer_gets_no_second_one() -> None:
    async with serving() as (server, _, _):
        chunked, nonsense = BROKEN.split(b"nonsense")
        assert statuses(await server.ask(head() + chunked, b"nonsense" + nonsense)) == [200]


async def test_a_url_that_is_none_is_malformed() -> None:
    async with serving() as (server, _, _):
        assert statuses(await server.ask(head() + b"\r\n" + head("http://[") + b"\r\n")) == [200, 400]


async def test_many_requests_at_once_are_read_no_faster_than_they_are_answered() -> None:
    async with serving() as (server, _, _):
        reader, writer = await server.connect()
        most, number = 0, 20_000
        writer.write(b"GET / HTTP/1.1\r\n\r\n" * number)
        answered = 0
        while answered < number:
            answered += (await asyncio.wait_for(reader.read(65536), 10)).count(b"HTTP/1.1 200")
            most = max(most, *(len(connection.pipeline) for connection in server.state.connections))  # type: ignore[union-attr]
        assert 0 < most <= PIECE // 18 + 1, "no more than begin in one piece or end in it"
        writer.close()


async def test_nothing_is_left_of_a_connection_that_was_reset() -> None:
    async with serving() as (server, _, _):
        reader, writer = await server.connect()
        writer.write(head() + b"\r\n")
        assert (await one_of(reader)).endswith(b"ok")
        (connection,) = server.state.connections
        assert connection.timeout_keep_alive_task is not None  # type: ignore[union-attr]
        hard = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, hard)
        writer.transport.abort()
        await emptied(server.state)
        assert connection.timeout_keep_alive_task is None  # type: ignore[union-attr]


async def test_nothing_is_left_of_requests_whose_client_has_gone() -> None:
    async with serving() as (server, _, _):
        _, writer = await server.connect()
        writer.write((head("/held") + b"\r\n") * 5)
        await asyncio.sleep(0.2)
        (connection,) = server.state.connections
        assert len(connection.pipeline) == 4  # type: ignore[union-attr]
        connection.transport.abort()
        await emptied(server.state)
        assert not connection.pipeline  # type: ignore[union-attr]
        writer.close()


async def test_a_request_that_came_before_an_idle_connection_ends_is_answered() -> None:
    async with serving() as (server, _, _):
        reader, writer = await server.connect()
        for _ in range(2):
            writer.write(head() + b"\r\n")  # which asyncio's own loop sends at once
            for connection in server.state.connections:
                connection.timeout_keep_alive_handler()  # type: ignore[union-attr]
            assert (await one_of(reader)).endswith(b"ok")
        connection.timeout_keep_alive_handler()  # type: ignore[union-attr]
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
