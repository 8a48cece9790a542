import asyncio
import http.client
from pathlib import Path

import pytest

from tests.deploy.services import HOST, Service
from tests.faults.conftest import Run
from tests.faults.load import ask
from tests.serving.server.listener import all_of

pytestmark = pytest.mark.anyio

HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"


async def test_slow_bodies_hold_up_nobody_and_are_cut(run: Run) -> None:
    with run(CLIENT_TIMEOUT="2") as service:
        slow = [asyncio.create_task(trickled(service)) for _ in range(50)]
        for number in range(5):
            assert (await ask(service, number)).status == 200
        answers = await asyncio.wait_for(asyncio.gather(*slow), 60)
        assert (await ask(service, 9)).status == 200
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 408")
        assert b'"code":"body_too_slow"' in answer


@pytest.mark.parametrize(
    ("path", "kind", "length", "code"),
    [
        ("/predict", "application/json", 1024**2 + 1, "body_too_large"),
        ("/predict", "multipart/form-data; boundary=b", 10**17, "body_too_large"),
        ("/predict/csv", "multipart/form-data; boundary=b", 129 * 1024**2, "file_too_large"),
    ],
)
async def test_a_length_over_the_limit_is_refused_before_anything_comes(
    service: Service, path: str, kind: str, length: int, code: str
) -> None:
    reader, writer = await asyncio.open_connection(HOST, service.port)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n"
    try:
        writer.write(f"{head}Expect: 100-continue\r\n\r\n".encode())
        answer = await asyncio.wait_for(all_of(reader), 5)
    finally:
        writer.close()
    assert answer.startswith(b"HTTP/1.1 413"), "and no 100, which would ask for the body"
    assert f'"code":"{code}"'.encode() in answer


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
async def test_large_bodies_that_stall_take_little_memory_together(service: Service) -> None:
    body = b" " * 1_000_000
    head = HEAD.replace(b"1000", b"1040000")
    before = resident(service)
    connections = [await asyncio.open_connection(HOST, service.port) for _ in range(150)]
    try:
        for _, writer in connections:
            writer.write(head + body)
        answers = await asyncio.wait_for(asyncio.gather(*[beginning(reader, 3) for reader, _ in connections]), 60)
        refused = [answer for answer in answers if answer]
        assert resident(service) - before < 100 * 1024**2
        assert (await ask(service, 1)).status == 200
        assert (await ask(service, 2, [" ".join(["good"] * 50)] * 100)).status == 200, "25 kB"
    finally:
        for _, writer in connections:
            writer.transport.abort()
        await asyncio.sleep(0)
    assert len(refused) > 100
    for answer in refused:
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"retry-after: 1\r\n" in answer.lower()
        assert b'"code":"overloaded"' in answer


async def beginning(reader: asyncio.StreamReader, seconds: float) -> bytes:
    """What comes within so many seconds."""
    try:
        return await asyncio.wait_for(all_of(reader), seconds)
    except TimeoutError:
        return b""


def resident(service: Service) -> int:
    """Bytes of memory that the service's process holds."""
    status = Path(f"/proc/{service.process.pid}/status").read_text(encoding="utf-8")
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


async def test_a_body_that_is_too_large_is_told_so_though_its_client_first_sends_all_of_it(run: Run) -> None:
    with run() as service:
        for _ in range(5):
            status, answer = await asyncio.to_thread(posted, service, b" " * 5_000_000)
            assert status == 413
            assert b'"code":"body_too_large"' in answer


def posted(service: Service, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(HOST, service.port, timeout=20)
    try:
        connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


async def trickled(service: Service) -> bytes:
    """What is answered to a body that comes a byte a second."""
    reader, writer = await asyncio.open_connection(HOST, service.port)
    writer.write(HEAD)

    async def trickle() -> None:
        while True:
            writer.write(b" ")
            await asyncio.sleep(1)

    trickling = asyncio.create_task(trickle())
    try:
        return await all_of(reader)
    finally:
        trickling.cancel()
        writer.close()
