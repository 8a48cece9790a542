import asyncio
from collections.abc import Sequence
from threading import get_ident

import pytest

from serving.batching.batcher import Batcher
from serving.batching.worker import PORTION, WORTH_A_THREAD
from serving.errors import InferenceFailed
from serving.model.types import Prediction
from tests.serving.batching.waiters import Echo, held, until

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.batching.worker.processors", lambda: 2)


class Prepared(str):
    """A text that was prepared."""

    __slots__ = ()


class Preparing(Echo):
    """Notes what it prepares, in which threads, and `kinds`: whether each text of a batch came prepared."""

    def __init__(self) -> None:
        super().__init__()
        self.portions: list[list[str]] = []
        self.threads: set[int] = set()
        self.kinds: list[list[bool]] = []
        self.unbearable = ""

    def prepare(self, texts: Sequence[str]) -> Sequence[str]:
        self.portions.append(list(texts))
        self.threads.add(get_ident())
        if self.unbearable in texts:
            raise ValueError("cannot prepare it")
        return [Prepared(text) for text in texts]

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        answers = super().predict(texts)
        self.threads.add(get_ident())
        self.kinds.append([isinstance(text, Prepared) for text in texts])
        return answers

    async def has_prepared(self, texts: int) -> None:
        async with asyncio.timeout(5):
            while sum(map(len, self.portions)) < texts:
                await asyncio.sleep(0.001)


def names(count: int) -> list[str]:
    return [f"text {n}" for n in range(count)]


async def gathered(echo: Preparing, batcher: Batcher, texts: Sequence[str]) -> list[asyncio.Task[list[Prediction]]]:
    """Lone texts that wait behind a first one; they have all been added."""
    first = await held(echo, batcher)
    waiting = [asyncio.create_task(batcher.predict([text])) for text in texts]
    await until(batcher, 1 + len(texts))
    return [first, *waiting]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last few are not left either."""
    monkeypatch.setattr("serving.batching.worker.WORTH_A_THREAD", 1)


async def rests(batcher: Batcher) -> None:
    """Until neither thread has anything to do, or the first waits at the gate."""
    async with asyncio.timeout(5):
        while batcher._worker._lookahead._running:
            await asyncio.sleep(0.001)


@pytest.mark.usefixtures("at_once")
async def test_what_waits_is_prepared_by_another_thread() -> None:
    echo = Preparing()
    batcher = Batcher(echo, limit=100)
    calls = await gathered(echo, batcher, names(40))
    await echo.has_prepared(40)
    await rests(batcher)
    echo.gate.set()
    _, *answers = await asyncio.gather(*calls)
    assert [answer.label for (answer,) in answers] == names(40)
    assert [text for portion in echo.portions for text in portion] == names(40)
    assert max(map(len, echo.portions)) <= PORTION
    assert echo.kinds == [[False], [True] * 40]
    assert len(echo.threads) == 2
    await batcher.aclose()


async def test_a_few_are_left_to_the_one_that_computes() -> None:
    echo = Preparing()
    batcher = Batcher(echo, limit=100)
    for _ in range(3):
        echo.started.clear()
        calls = await gathered(echo, batcher, names(WORTH_A_THREAD - 1))
        await asyncio.sleep(0.02)
        echo.gate.set()
        await asyncio.gather(*calls)
        while batcher._worker._running:
            await asyncio.sleep(0.001)
    assert echo.portions == []


async def test_a_lone_request_pays_nothing() -> None:
    echo = Preparing()
    batcher = Batcher(echo, limit=100, batch_limit=32)
    assert len(await batcher.predict(names(32))) == 32
    assert echo.portions == []


@pytest.mark.usefixtures("at_once")
async def test_a_large_request_that_waits_is_prepared_a_portion_at_a_time() -> None:
    echo = Preparing()
    batcher = Batcher(echo, limit=1000, batch_limit=8)
    first = await held(echo, batcher)
    call = asyncio.create_task(batcher.predict(names(256)))
    await echo.has_prepared(256)
    await rests(batcher)
    echo.gate.set()
    await first
    assert [answer.label for answer in await call] == names(256)
    assert all(all(kinds) for kinds in echo.kinds[1:])
    assert [text for portion in echo.portions for text in portion] == names(256)


@pytest.mark.usefixtures("at_once")
async def test_what_cannot_be_prepared_fails_where_it_is_computed_and_alone() -> None:
    echo = Preparing()
    echo.unbearable = echo.refused = "text 3"
    batcher = Batcher(echo, limit=100)
    calls = await gathered(echo, batcher, names(40))
    await echo.has_prepared(40)
    echo.gate.set()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [n for n, outcome in enumerate(outcomes[1:]) if isinstance(outcome, InferenceFailed)] == [3]
    assert sum(isinstance(outcome, list) for outcome in outcomes) == 40
    assert echo.kinds
    assert batcher.load == 0


async def test_no_thread_to_be_had_costs_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    echo = Preparing()
    batcher = Batcher(echo, limit=100)
    monkeypatch.setattr(batcher._worker._lookahead._thread, "submit", refuse)
    calls = await gathered(echo, batcher, names(40))
    echo.gate.set()
    assert len(await asyncio.gather(*calls)) == 41
    assert echo.portions == []


async def test_a_flood_gets_no_help() -> None:
    echo = Preparing()
    batcher = Batcher(echo, limit=40)
    calls = await gathered(echo, batcher, names(39))
    await echo.has_prepared(8)
    await asyncio.sleep(0.05)
    echo.gate.set()
    assert len(await asyncio.gather(*calls)) == 40
    assert sum(map(len, echo.portions)) <= 20
    assert echo.kinds[1][-19:] == [False] * 19


async def test_on_one_processor_there_is_nobody_to_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.batching.worker.processors", lambda: 1)
    echo = Preparing()
    batcher = Batcher(echo, limit=100)
    calls = await gathered(echo, batcher, names(40))
    await asyncio.sleep(0.02)
    echo.gate.set()
    assert len(await asyncio.gather(*calls)) == 41
    assert echo.portions == []
