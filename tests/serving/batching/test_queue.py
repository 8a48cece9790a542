import asyncio
from collections.abc import Sequence

import pytest

from serving.batching.queue import BATCH_CHARS, Job, Part, Queue, fail, settle
from serving.errors import InferenceFailed, Overloaded
from serving.model.types import Prediction

pytestmark = pytest.mark.anyio


def job(*texts: str) -> Job:
    return Job(texts, asyncio.get_running_loop())


def answers(texts: Sequence[str]) -> list[Prediction]:
    return [Prediction(text, 1.0, {text: 1.0}, truncated=False) for text in texts]


def taken(parts: list[Part]) -> list[list[str]]:
    return [list(part.texts) for part in parts]


async def test_a_batch_takes_what_waits() -> None:
    queue = Queue()
    for one in (job("a"), job("b", "c")):
        queue.add(one)
    assert taken(queue.take(4)) == [["a"], ["b", "c"]]
    assert not queue
    assert queue.take(4) == []


async def test_many_texts_leave_room_for_lone_ones() -> None:
    queue, many = Queue(), job(*(str(n) for n in range(100)))
    for one in (many, job("a"), job("b"), job("c")):
        queue.add(one)
    first = taken(queue.take(8))
    assert first == [["0", "1"], ["a"], ["b"], ["c"], ["2", "3", "4"]]
    queue.add(job("d"))
    assert ["d"] in taken(queue.take(8))
    assert many.left == 100 - 5 - 7


async def test_a_full_batch_leaves_the_rest_in_its_turn() -> None:
    queue = Queue()
    for name in "abc":
        queue.add(job(name))
    assert taken(queue.take(2)) == [["a"], ["b"]]
    assert taken(queue.take(2)) == [["c"]]


async def test_a_batch_of_long_texts_is_short() -> None:
    queue, long = Queue(), "x" * (BATCH_CHARS // 2)
    many = job(long, long, long)
    for one in (many, job("a"), job(long), job("b")):
        queue.add(one)
    assert [part.size for part in queue.take(60)] == [2]
    assert taken(queue.take(60)) == [["a"], [long], ["b"], [long]]
    queue.add(job("y" * BATCH_CHARS * 3))
    queue.add(job("c"))
    assert [part.size for part in queue.take(60)] == [1]
    assert taken(queue.take(60)) == [["c"]]


async def test_what_is_removed_is_never_taken() -> None:
    queue, leaver = Queue(), job("a", "b", "c")
    queue.add(leaver)
    queue.add(job("d"))
    assert taken(queue.take(1)) == [["a"]]
    assert queue.remove(leaver) == 2
    assert queue.remove(leaver) == 0
    assert taken(queue.take(9)) == [["d"]]


async def test_what_is_ahead_still_waits_and_was_not_looked_at() -> None:
    waiting = job(*"abcdef")
    waiting.take(1, 9)
    first, second = waiting.ahead(2, 9), waiting.ahead(9, 2)
    assert taken([part for part in (first, second) if part]) == [["b", "c"], ["d", "e"]]
    waiting.take(5, 9)
    assert waiting.ahead(9, 9) is None
    assert waiting.left == 0


async def test_replaced_texts_are_those_that_are_taken() -> None:
    queue, waiting = Queue(), job(*"abcd")
    queue.add(waiting)
    queue.take(1)
    Part(waiting, 1, 2).replace(["B", "C"])
    assert taken(queue.take(9)) == [["B", "C", "d"]]


async def test_parts_that_come_in_any_order_are_one_answer() -> None:
    whole = job("a", "b", "c")
    first, last = Part(whole, 0, 1), Part(whole, 1, 2)
    last.answer(answers(last.texts))
    assert not whole.finished
    first.answer(answers(first.texts))
    assert whole.finished
    whole.settle()
    assert [prediction.label for prediction in await whole.future] == ["a", "b", "c"]


async def test_the_first_outcome_holds() -> None:
    late = job("a")
    late.expire()
    Part(late, 0, 1).answer(answers(["a"]))
    late.settle()
    with pytest.raises(Overloaded) as caught:
        await late.future
    assert caught.value.error_code == "deadline_exceeded"


async def test_one_failed_part_fails_its_job() -> None:
    broken = job("a", "b")
    broken.fault = InferenceFailed("no")
    assert broken.finished
    broken.settle()
    with pytest.raises(InferenceFailed):
        await broken.future


async def test_one_that_failed_in_a_later_part_has_no_answer() -> None:
    broken = job("a", "b")
    first, last = Part(broken, 0, 1), Part(broken, 1, 1)
    first.answer(answers(first.texts))
    fail([last], ValueError())
    broken.settle()
    with pytest.raises(InferenceFailed):
        await broken.future


async def test_a_fault_after_the_deadline_holds_up_no_batch_mate() -> None:
    late, mate = job("a"), job("b")
    late.expire()
    fail([Part(late, 0, 1)], ValueError())
    Part(mate, 0, 1).answer(answers(["b"]))
    settle([late, mate])
    assert [prediction.label for prediction in await asyncio.wait_for(mate.future, 5)] == ["b"]
    with pytest.raises(Overloaded):
        await late.future
