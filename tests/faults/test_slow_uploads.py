"""Clients that send a file, or read its answer, so slowly that others would have to wait for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from serving.settings import Settings
from serving.web.files.uploads import FAIR, GRACE, UNSEEN
from tests.deploy.services import HOST, Service
from tests.faults.conftest import Run
from tests.faults.slow_reader import SlowReader, send_file
from tests.serving.server.listener import all_of

pytestmark = pytest.mark.anyio

PLACES = Settings().max_uploads
BEGINNING = (
    b"POST /predict/csv HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    b"Content-Length: 100000000\r\n\r\n"
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\ntext\n'
)
CONTENT = b"text\n" + b"I love this show, it is great\n" * 10
LONG = b"text\n" + b"I love this show, it is great\n" * 30_000


async def answer_to(service: Service) -> tuple[str, bytes]:
    """The head and the body that an honest client gets."""
    answer = await asyncio.wait_for(send_file(service, CONTENT), 20)
    try:
        return answer.head, await asyncio.wait_for(_body(answer), 20)
    finally:
        answer.writer.close()


async def _body(answer: SlowReader) -> bytes:
    if " 200 " in answer.head:
        return await answer.rest()
    length = next(line.split()[1] for line in answer.head.splitlines() if line.startswith("content-length:"))
    return await answer.reader.readexactly(int(length))


@asynccontextmanager
async def trickling(service: Service, number: int) -> AsyncIterator[list[asyncio.Task[bytes]]]:
    """What is answered to so many clients that send a file's beginning, and then a few bytes each second."""

    async def trickle() -> bytes:
        reader, writer = await asyncio.open_connection(HOST, service.port)
        answer = asyncio.create_task(all_of(reader))
        try:
            writer.write(BEGINNING)
            while not answer.done():
                writer.write(b"good\n" * 300)
                await asyncio.wait({answer}, timeout=1)
            return await answer
        finally:
            answer.cancel()
            writer.transport.abort()
            await asyncio.sleep(0)

    slow = [asyncio.create_task(trickle()) for _ in range(number)]
    await asyncio.sleep(1)
    try:
        yield slow
    finally:
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)


async def test_as_many_slow_uploads_as_are_predicted_at_once(service: Service) -> None:
    async with trickling(service, Settings().max_files) as slow:
        head, body = await answer_to(service)
        assert head.startswith("HTTP/1.1 200")
        assert body.count(b"\n") == CONTENT.count(b"\n")
        assert not any(task.done() for task in slow)


async def test_slow_uploads_in_every_place_make_room_one_by_one(service: Service) -> None:
    async with trickling(service, PLACES) as slow:
        await asyncio.sleep(GRACE + 1)
        for served in range(1, 4):
            head, _ = await answer_to(service)
            assert head.startswith("HTTP/1.1 200")
            await asyncio.sleep(1.5)
            # A place that was made is free again after the honest file, and nobody else has to go.
            assert sum(task.done() for task in slow) == 1, served
        (answer,) = [await task for task in slow if task.done()]
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"code":"body_too_slow"' in answer


async def test_where_nobody_is_slow_yet_a_file_is_refused_at_once(run: Run) -> None:
    with run(MAX_UPLOADS="2") as service:
        async with trickling(service, 2):
            head, body = await answer_to(service)
    assert head.startswith("HTTP/1.1 503")
    assert "retry-after: 5" in head.lower()
    assert b'"code":"overloaded"' in body


@pytest.mark.slow
async def test_answers_that_are_not_read_hold_up_no_other_file(service: Service) -> None:
    """First in fewer places than there are, then in all of them."""
    unread: list[SlowReader] = []
    try:
        for _ in range(Settings().max_files + 1):
            unread.append(await send_file(service, LONG))
        await asyncio.sleep(1)
        assert (await answer_to(service))[0].startswith("HTTP/1.1 200")
        while len(unread) < PLACES:
            unread.append(await send_file(service, LONG))
        await asyncio.sleep(UNSEEN / FAIR + GRACE + 1)
        assert (await answer_to(service))[0].startswith("HTTP/1.1 200")
        assert " 200 " in unread[-1].head
    finally:
        for reader in unread:
            reader.writer.transport.abort()


@pytest.mark.slow
async def test_a_client_that_reads_at_a_fair_pace_keeps_its_place(run: Run) -> None:
    wide = b"text,more\n" + (b"good," + b"x" * 2000 + b"\n") * 5000
    with run(MAX_UPLOADS="1") as service:
        answer, asked = await send_file(service, wide), asyncio.Event()

        async def read_on() -> bytes:
            received = b""
            while not received.endswith(b"\r\n0\r\n\r\n"):
                received += await answer.reader.read(10_000)
                await asyncio.sleep(0 if asked.is_set() else 0.1)
            return received

        reading = asyncio.create_task(read_on())
        try:
            for _ in range(8):
                await asyncio.sleep(GRACE / 2)
                assert (await answer_to(service))[0].startswith("HTTP/1.1 503")
            asked.set()
            assert (await asyncio.wait_for(reading, 60)).count(b"good,xxx") >= 4990, "but for those that a chunk parts"
        finally:
            reading.cancel()
            answer.writer.close()
