"""The long ones: `make soak`."""

import asyncio

import pytest

from benchmarks.slug_web import resident
from tests.deploy.services import Service
from tests.faults.load import ask, text_of

pytestmark = [pytest.mark.anyio, pytest.mark.soak]

CLIENTS, TEXTS = 8, 20


async def test_memory_stays_flat_over_a_million_predictions(service: Service) -> None:
    await predictions(service, 100_000)
    before = resident(service.process.pid)
    await predictions(service, 900_000)
    after = resident(service.process.pid)
    assert before is not None
    assert after is not None
    assert after < before * 1.05


async def predictions(service: Service, total: int) -> None:
    async def client(first: int) -> None:
        for number in range(first, first + total // CLIENTS // TEXTS):
            outcome = await ask(service, number, [text_of(number * TEXTS + n) for n in range(TEXTS)])
            assert outcome.status == 200

    await asyncio.gather(*(client(n * 1_000_000) for n in range(CLIENTS)))
