import asyncio
import logging
from collections.abc import Iterator, Sequence
from functools import partial
from threading import Event, Lock

import pytest

from serving.batching.batcher import Batcher
from serving.batching.queue import Job
from serving.batching.worker import PORTION, PORTION_CHARS, Lookahead
from serving.errors import InferenceFailed
from serving.model.types import Prediction
from tests.serving.batching.waiters import Death, Echo, held, until
from tests.serving.fakes import FakePredictor

pytestmark = pytest.mark.anyio


class Prepared(str):
    """A text that was prepared."""

    __slots__ = ()


def names(count: int) -> list[str]:
    return [f"text {n}" for n in range(count)]


@pytest.fixture
def lock() -> Lock:
    return Lock()


class Slow:
    """Prepares when told to."""

    def __init__(self, lock: Lock) -> None:
        self.begun, self.go = Event(), Event()
        self.seen: list[str] = []
        self.lookahead = Lookahead(self, lock)

    def __call__(self, texts: Sequence[str]) -> Sequence[str]:
        self.begun.set()
        assert self.go.wait(timeout=10)
        self.seen += texts
        return [Prepared(text) for text in texts]


@pytest.fixture
def slow(lock: Lock) -> Iterator[Slow]:
    slow = Slow(lock)
    yield slow
    slow.go.set()
    slow.lookahead.join()


async def test_who_left_or_was_taken_is_passed_over(slow: Slow, lock: Lock) -> None:
    loop = asyncio.get_running_loop()
    jobs = [Job([f"{name}{n}" for n in range(PORTION)], loop) for name in "abcd"]
    with lock:
        for job in jobs:
            slow.lookahead.add(job)
    assert slow.begun.wait(timeout=5)
    with lock:
        jobs[1].taken = PORTION
        jobs[2].take(PORTION - 1, 10**6)
    slow.go.set()
    slow.lookahead.join()
    assert slow.seen == [*(f"a{n}" for n in range(PORTION)), "c15", *(f"d{n}" for n in range(PORTION))]
    assert [isinstance(text, Prepared) for text in jobs[2].texts] == [False] * 15 + [True]


async def test_nothing_waits_any_more_after_a_clear(slow: Slow, lock: Lock) -> None:
    loop = asyncio.get_running_loop()
    with lock:
        slow.lookahead.add(Job(names(3 * PORTION), loop))
    assert slow.begun.wait(timeout=5)
    with lock:
        slow.lookahead.clear()
    slow.go.set()
    slow.lookahead.join()
    assert slow.seen == names(PORTION)


async def test_a_portion_of_long_texts_is_short(lock: Lock) -> None:
    portions = list[int]()

    def prepare(texts: Sequence[str]) -> Sequence[str]:
        portions.append(len(texts))
        return texts

    lookahead, long = Lookahead(prepare, lock), "x" * (PORTION_CHARS // 2)
    with lock:
        for texts in ([long] * 5, ["a"] * 3, [long * 9]):
            lookahead.add(Job(texts, asyncio.get_running_loop()))
    lookahead.join()
    assert portions == [2, 2, 5]


@pytest.fixture
def batcher(predictor: FakePredictor) -> Batcher:
    return Batcher(predictor, limit=4)


async def test_a_fault_stays_in_the_log(
    batcher: Batcher, predictor: FakePredictor, caplog: pytest.LogCaptureFixture
) -> None:
    predictor.fault = ValueError("secret tensor")
    with pytest.raises(InferenceFailed, match=r"^The prediction failed; the server has logged the fault\.$"):
        await batcher.predict(["good"])
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "secret tensor" in str(record.exc_text)
    assert batcher.load == 0
    predictor.fault = None
    assert len(await batcher.predict(["good"])) == 1


async def test_a_missing_prediction_is_a_fault(
    batcher: Batcher, predictor: FakePredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictor, "predict", lambda _: [])
    with pytest.raises(InferenceFailed):
        await batcher.predict(["good"])


async def test_a_failed_start_of_work_frees_its_place(batcher: Batcher, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(batcher._worker._thread, "submit", refuse)
    with pytest.raises(RuntimeError):
        await batcher.predict(["good"])
    assert batcher.load == 0


async def test_what_gathers_is_one_batch() -> None:
    echo, sizes = Echo(), list[int]()
    batcher = Batcher(echo, limit=100, batch_limit=8, on_batch=sizes.append)
    first = await held(echo, batcher)
    waiting = [asyncio.create_task(batcher.predict([str(n)])) for n in range(20)]
    await until(batcher, 21)
    echo.gate.set()
    await asyncio.gather(first, *waiting)
    await batcher.check()
    assert sizes == [1, 8, 8, 4]
    assert echo.batches[1] == [str(n) for n in range(8)]


async def test_a_large_request_does_not_hold_up_lone_ones() -> None:
    echo = Echo()
    batcher = Batcher(echo, limit=1000, batch_limit=8)
    first = await held(echo, batcher)
    many = asyncio.create_task(batcher.predict([f"many {n}" for n in range(256)]))
    await until(batcher, 257)
    lone = asyncio.create_task(batcher.predict(["lone"]))
    await until(batcher, 258)
    echo.gate.set()
    answers = await many
    await asyncio.gather(first, lone)
    assert [answer.label for answer in answers] == [f"many {n}" for n in range(256)]
    assert "lone" in echo.batches[1]


async def test_batch_mates_of_one_who_left_are_answered() -> None:
    echo = Echo()
    batcher = Batcher(echo, limit=100)
    first = await held(echo, batcher)
    calls = [asyncio.create_task(batcher.predict([name])) for name in "abc"]
    await until(batcher, 4)
    calls[1].cancel()
    await asyncio.sleep(0)
    echo.gate.set()
    await asyncio.gather(first, calls[0], calls[2])
    assert echo.batches == [["first"], ["a", "c"]]
    assert batcher.load == 0


async def test_a_bad_item_fails_alone(caplog: pytest.LogCaptureFixture) -> None:
    echo = Echo(refused="bad")
    batcher = Batcher(echo, limit=100)
    first = await held(echo, batcher)
    calls = [asyncio.create_task(batcher.predict(texts)) for texts in (["a"], ["b", "bad"], ["c", "d"])]
    await until(batcher, 6)
    echo.gate.set()
    await first
    a, bad, c = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(a, list)
    assert isinstance(c, list)
    assert [answer.label for answer in a + c] == ["a", "c", "d"]
    assert isinstance(bad, InferenceFailed)
    assert "each is tried alone" in caplog.text
    assert batcher.load == 0


async def test_the_workers_death_is_told_to_all_who_wait(caplog: pytest.LogCaptureFixture) -> None:
    echo = Echo()
    batcher = Batcher(echo, limit=100, batch_limit=1)

    def die(_: Sequence[str]) -> list[Prediction]:
        echo.started.set()
        assert echo.gate.wait(timeout=10)
        raise Death

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(echo, "predict", die)
        first = await held(echo, batcher)
        waiting = asyncio.create_task(batcher.predict(["waiting"]))
        await until(batcher, 2)
        echo.gate.set()
        outcomes = await asyncio.wait_for(asyncio.gather(first, waiting, return_exceptions=True), 5)
    assert [type(outcome) for outcome in outcomes] == [InferenceFailed, InferenceFailed]
    assert "The worker died" in caplog.text
    await until(batcher, 0)
    assert len(await batcher.predict(["next"])) == 1


async def test_calls_and_batches_take_turns() -> None:
    echo, order = Echo(), list[str]()
    batcher = Batcher(echo, limit=100, on_batch=lambda _: order.append("batch"))
    first = await held(echo, batcher)
    calls = [asyncio.create_task(batcher.call(partial(order.append, "call"))) for _ in range(3)]
    waiting = asyncio.create_task(batcher.predict(["waiting"]))
    await until(batcher, 2)
    echo.gate.set()
    await asyncio.gather(first, waiting, *calls)
    assert order == ["batch", "call", "batch", "call", "call"]
