import asyncio
from collections.abc import Iterator, Sequence
from threading import Event, Lock

import pytest

from serving.jobs import Job
from serving.lookahead import PORTION, PORTION_CHARS, Lookahead

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
