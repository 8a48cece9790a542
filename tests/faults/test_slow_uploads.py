"""Clients that send a file, or read its answer, slowly."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from serving.settings import Settings
from serving.web.files.uploads import PATIENCE
from tests.deploy.services import HOST, Service
from tests.faults.conftest import Run
from tests.faults.slow_reader import CONTENT as WIDE
from tests.faults.slow_reader import ROWS, SlowReader, send_file
from tests.serving.server.listener import all_of

pytestmark = pytest.mark.anyio

BEGINNING = (
    b"POST /predict/csv HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    b"Content-Length: 100000000\r\n\r\n"
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\ntext\n'
)
CONTENT = b"text\n" + b"I love this show, it is great\n" * 10


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


async def test_slow_uploads_hold_up_no_other_file(service: Service) -> None:
    async with trickling(service, Settings().max_files) as slow:
        head, body = await answer_to(service)
        assert head.startswith("HTTP/1.1 200")
        assert body.count(b"\n") == CONTENT.count(b"\n")
        assert not any(task.done() for task in slow)


async def test_where_all_places_are_taken_a_file_is_refused_at_once(run: Run) -> None:
    with run(MAX_UPLOADS="2") as service:
        async with trickling(service, 2):
            head, body = await answer_to(service)
    assert head.startswith("HTTP/1.1 503")
    assert "retry-after: 5" in head.lower()
    assert b'"code":"overloaded"' in body


async def test_who_sends_too_slowly_loses_its_place_and_who_reads_slowly_keeps_it(run: Run) -> None:
    timeout = 2
    with run(MAX_UPLOADS="2", CLIENT_TIMEOUT=str(timeout)) as service:
        slow_reader, is_alone = await send_file(service, WIDE.encode()), asyncio.Event()

        async def read_on() -> bytes:
            received = b""
            while not received.endswith(b"\r\n0\r\n\r\n") and not slow_reader.reader.at_eof():
                received += await slow_reader.reader.read(5_000)
                await asyncio.sleep(0 if is_alone.is_set() else 0.1)
            return received

        reading = asyncio.create_task(read_on())
        try:
            async with trickling(service, 1) as (upload,):
                assert (await answer_to(service))[0].startswith("HTTP/1.1 503")
                answer = await asyncio.wait_for(upload, 10 * PATIENCE * timeout)
                assert answer.startswith(b"HTTP/1.1 408")
                assert b'"code":"body_too_slow"' in answer
            assert (await answer_to(service))[0].startswith("HTTP/1.1 200")
            is_alone.set()
            received = await asyncio.wait_for(reading, 60)
            assert received.count(b"I love this show") >= ROWS - 100, "but for those that a chunk parts"
        finally:
            reading.cancel()
            slow_reader.writer.transport.abort()


async def test_who_takes_no_more_of_an_answer_loses_its_place(run: Run) -> None:
    with run(MAX_UPLOADS="1", CLIENT_TIMEOUT="1") as service:
        stalled = await send_file(service, WIDE.encode())
        try:
            assert (await answer_to(service))[0].startswith("HTTP/1.1 503")
            async with asyncio.timeout(60):
                while not (await answer_to(service))[0].startswith("HTTP/1.1 200"):
                    await asyncio.sleep(0.2)
        finally:
            stalled.writer.transport.abort()
