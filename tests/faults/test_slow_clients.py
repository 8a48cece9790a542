import asyncio

import pytest

from tests.deploy.services import HOST, Service
from tests.faults.conftest import Run
from tests.faults.load import ask
from tests.serving.listener import all_of

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
