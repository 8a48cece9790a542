"""Against a real listener, with an app that counts what reaches it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from serving.batching.admission import Admission
from serving.server.refusing_protocol import RefusingProtocol
from serving.web.load_shedding import STATE, Refusal
from serving.web.metrics import Metrics
from tests.serving.fakes import FakePredictor
from tests.serving.server.listener import listening, one_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("small_bundle")]

LIMIT = 4


def request(body: bytes = b"text=a", *headers: str, path: str = "/predict", method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class Server:
    """What a test sees of one: `bodies` reached the app, which answers once `go` is set."""

    admission: Admission
    refusal: Refusal
    port: int = 0
    bodies: list[bytes] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.bodies.append(await Request(scope, receive).body())
        await self.go.wait()
        await Response(b"app", headers={"x-from": "app"})(scope, receive, send)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, *pieces: bytes) -> tuple[int, bytes]:
        """The status and all that comes until the connection is closed or nothing more comes."""
        reader, writer = await self.connect()
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.02)
        answer = await one_of(reader)
        writer.close()
        return int(answer.split()[1]), answer


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[Server]:
    admission = Admission(LIMIT)
    metrics = Metrics(FakePredictor().metadata, load=lambda: admission.load)
    server = Server(admission, Refusal(admission, metrics, cross_origin=False))
    async with listening(server.app, RefusingProtocol, {STATE: server.refusal}, **settings) as (_, port):
        server.port = port
        yield server


async def test_a_request_that_finds_a_place_reaches_the_app_whole() -> None:
    async with serving() as server:
        server.go.set()
        for pieces in ([request()], [request()[:20], request()[20:]], [request()[:-3], request()[-3:]]):
            status, answer = await server.ask(*pieces)
            assert (status, answer[-3:]) == (200, b"app")
        assert server.bodies == [b"text=a"] * 3
        assert server.refusal.begun == 0


async def test_without_a_place_it_is_refused_and_the_connection_stays() -> None:
    async with serving() as server:
        server.go.set()
        server.admission.admit(LIMIT)
        reader, writer = await server.connect()
        for _ in range(3):
            writer.write(request())
            assert (await one_of(reader)).startswith(b"HTTP/1.1 503 ")
        assert server.bodies == []
        server.admission.release(LIMIT)
        writer.write(request())
        assert (await one_of(reader)).startswith(b"HTTP/1.1 200 ")
        writer.close()


async def test_many_in_one_go_are_refused_in_turn() -> None:
    async with serving() as server:
        server.admission.admit(LIMIT)
        reader, writer = await server.connect()
        writer.write(b"".join(request(b"text=a", f"X-Request-ID: id-{n}") for n in range(3)))
        for n in range(3):
            assert b"x-request-id: id-%d\r\n" % n in await one_of(reader)
        writer.close()


async def test_no_more_are_begun_than_there_are_places() -> None:
    async with serving() as server:
        asked = [asyncio.create_task(server.ask(request())) for _ in range(LIMIT + 3)]
        await asyncio.sleep(0.3)
        assert len(server.bodies) == LIMIT
        server.go.set()
        statuses = [status for status, _ in await asyncio.gather(*asked)]
        assert sorted(statuses) == [200] * LIMIT + [503] * 3
        assert server.refusal.begun == 0


async def test_a_client_that_leaves_is_no_longer_counted() -> None:
    async with serving() as server:
        _, writer = await server.connect()
        writer.write(request())
        await asyncio.sleep(0.1)
        assert server.refusal.begun == 1
        writer.close()
        await asyncio.sleep(0.1)
        assert server.refusal.begun == 0


async def test_a_body_that_comes_later_goes_the_usual_way() -> None:
    async with serving() as server:
        server.go.set()
        server.admission.admit(LIMIT)
        body = b"text=" + b"a" * 40_000
        whole = request(body)
        status, _ = await server.ask(whole[:30_000], whole[30_000:])
        assert status == 200, "the app itself decides on what it has to wait for"
        assert server.bodies == [body]


@pytest.mark.parametrize(
    "sent",
    [
        request(path="/other"),
        request(method="PUT"),
        request(b"text=a", "Accept: text/html"),
        request(b"text=a", "Upgrade: websocket", "Connection: upgrade"),
    ],
)
async def test_others_go_the_usual_way(sent: bytes) -> None:
    async with serving() as server:
        server.go.set()
        server.admission.admit(LIMIT)
        assert (await server.ask(sent))[0] == 200


async def test_after_an_unanswered_request_the_next_waits_for_its_turn() -> None:
    async with serving() as server:
        reader, writer = await server.connect()
        writer.write(request())
        await asyncio.sleep(0.1)
        server.admission.admit(LIMIT)
        writer.write(request(b"text=b"))
        await asyncio.sleep(0.1)
        server.go.set()
        assert [(await one_of(reader))[-3:] for _ in range(2)] == [b"app", b"app"]
        assert server.bodies == [b"text=a", b"text=b"]
        writer.close()


@pytest.mark.parametrize("headers", [["Connection: close"], []])
async def test_the_connection_ends_where_the_client_wants_it(headers: list[str]) -> None:
    async with serving() as server:
        server.admission.admit(LIMIT)
        reader, writer = await server.connect()
        sent = request(b"text=a", *headers)
        writer.write(sent if headers else sent.replace(b"HTTP/1.1", b"HTTP/1.0"))
        answer = await asyncio.wait_for(reader.read(), 10)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"connection: close\r\n" in answer
        writer.close()


async def test_a_head_that_is_too_large_is_not_refused_for_the_queue() -> None:
    async with serving(max_header_bytes=1024) as server:
        server.go.set()
        status, _ = await server.ask(request(b"text=a", f"X-Long: {'a' * 3000}"))
        assert status == 431


async def test_an_app_without_a_refusal_gets_all() -> None:
    seen = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["path"])
        await Response(b"app")(scope, receive, send)

    async with listening(app, RefusingProtocol, {}) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request())
        assert (await one_of(reader)).startswith(b"HTTP/1.1 200 ")
        assert seen == ["/predict"]
        writer.close()


async def test_what_breaks_off_while_it_is_judged_is_malformed() -> None:
    async with serving() as server:
        chunked = request(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        status, answer = await server.ask(chunked + b"2\r\nte\r\nnonsense\r\n")
        assert status == 400
        assert b'"code":"malformed_request"' in answer
        assert server.bodies == []
        assert server.refusal.begun == 0
