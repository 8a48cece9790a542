import asyncio
from collections.abc import Sequence

import pytest

from serving.batching.queue import MAX_BATCH_CHARS, BatchSlice, Job, Queue, resolve_jobs
from serving.errors import InferenceFailed, Overloaded
from serving.model.types import Prediction

pytestmark = pytest.mark.anyio


def answers(texts: Sequence[str]) -> list[Prediction]:
    return [Prediction(text, 1.0, {text: 1.0}, truncated=False) for text in texts]


def explained(texts: Sequence[str]) -> list[Prediction]:
    return answers(texts)


def job(*texts: str) -> Job:
    return Job(texts, answers, asyncio.get_running_loop())


def heavy_job(*texts: str, weight: int = 3) -> Job:
    return Job(texts, explained, asyncio.get_running_loop(), weight=weight)


def texts_of(batch: list[BatchSlice]) -> list[list[str]]:
    return [list(part.texts) for part in batch]


async def test_a_batch_takes_what_waits() -> None:
    queue = Queue()
    for one in (job("a"), job("b", "c")):
        queue.add(one)
    assert texts_of(queue.take(4)) == [["a"], ["b", "c"]]
    assert not queue
    assert queue.take(4) == []


async def test_many_texts_leave_room_for_lone_ones() -> None:
    queue, many = Queue(), job(*(str(n) for n in range(100)))
    for one in (many, job("a"), job("b"), job("c")):
        queue.add(one)
    first = texts_of(queue.take(8))
    assert first == [["0", "1"], ["a"], ["b"], ["c"], ["2", "3", "4"]]
    queue.add(job("d"))
    assert ["d"] in texts_of(queue.take(8))
    assert many.remaining == 100 - 5 - 7


async def test_a_full_batch_leaves_the_rest_in_its_turn() -> None:
    queue = Queue()
    for name in "abc":
        queue.add(job(name))
    assert texts_of(queue.take(2)) == [["a"], ["b"]]
    assert texts_of(queue.take(2)) == [["c"]]


async def test_a_batch_of_long_texts_is_short() -> None:
    queue, long = Queue(), "x" * (MAX_BATCH_CHARS // 2)
    many = job(long, long, long)
    for one in (many, job("a"), job(long), job("b")):
        queue.add(one)
    assert [part.size for part in queue.take(60)] == [2]
    assert texts_of(queue.take(60)) == [["a"], [long], ["b"], [long]]
    queue.add(job("y" * MAX_BATCH_CHARS * 3))
    queue.add(job("c"))
    assert [part.size for part in queue.take(60)] == [1]
    assert texts_of(queue.take(60)) == [["c"]]


async def test_what_is_removed_is_never_texts_of() -> None:
    queue, leaver = Queue(), job("a", "b", "c")
    queue.add(leaver)
    queue.add(job("d"))
    assert texts_of(queue.take(1)) == [["a"]]
    assert queue.remove(leaver) == 2
    assert queue.remove(leaver) == 0
    assert texts_of(queue.take(9)) == [["d"]]


async def test_jobs_that_are_computed_in_other_ways_share_no_batch() -> None:
    queue = Queue()
    for one in (job("a"), job("b"), heavy_job("c"), heavy_job("d"), job("e")):
        queue.add(one)
    assert [texts_of(queue.take(60)) for _ in range(3)] == [[["a"], ["b"]], [["c"], ["d"]], [["e"]]]


async def test_a_text_counts_by_its_weight() -> None:
    queue, heavy = Queue(), heavy_job("a", "b", "c", "d", "e")
    for one in (heavy, heavy_job("f")):
        queue.add(one)
    first = queue.take(7)
    assert texts_of(first) == [["a"], ["f"]]
    assert [part.weight for part in first] == [3, 3]
    assert texts_of(queue.take(7)) == [["b", "c"]]
    assert texts_of(queue.take(1)) == [["d"]], "one that is heavier than a split batch is one"
    assert queue.remove(heavy) == 3


async def test_a_job_without_texts_has_its_turn() -> None:
    queue, check = Queue(), Job([], explained, asyncio.get_running_loop())
    for one in (job("a"), check, job("b")):
        queue.add(one)
    assert [texts_of(queue.take(9)) for _ in range(3)] == [[["a"]], [[]], [["b"]]]
    check.resolve()
    assert await check.future == []


async def test_parts_that_come_in_any_order_are_one_answer() -> None:
    split = job("a", "b", "c")
    first, last = BatchSlice(split, 0, 1), BatchSlice(split, 1, 2)
    last.answer(answers(last.texts))
    assert not split.finished
    first.answer(answers(first.texts))
    assert split.finished
    split.resolve()
    assert [prediction.label for prediction in await split.future] == ["a", "b", "c"]


async def test_the_first_outcome_holds() -> None:
    late = job("a")
    late.expire()
    BatchSlice(late, 0, 1).answer(answers(["a"]))
    late.resolve()
    with pytest.raises(Overloaded) as caught:
        await late.future
    assert caught.value.error_code == "deadline_exceeded"


async def test_one_failed_part_fails_its_job() -> None:
    broken = job("a", "b")
    BatchSlice(broken, 0, 1).fail(ValueError())
    assert broken.finished
    broken.resolve()
    with pytest.raises(InferenceFailed):
        await broken.future


async def test_one_that_failed_in_a_later_part_has_no_answer() -> None:
    broken = job("a", "b")
    first, last = BatchSlice(broken, 0, 1), BatchSlice(broken, 1, 1)
    first.answer(answers(first.texts))
    last.fail(ValueError())
    broken.resolve()
    with pytest.raises(InferenceFailed):
        await broken.future


async def test_a_fault_after_the_deadline_holds_up_no_batch_mate() -> None:
    late, mate = job("a"), job("b")
    late.expire()
    BatchSlice(late, 0, 1).fail(ValueError())
    BatchSlice(mate, 0, 1).answer(answers(["b"]))
    resolve_jobs([late, mate])
    assert [prediction.label for prediction in await asyncio.wait_for(mate.future, 5)] == ["b"]
    with pytest.raises(Overloaded):
        await late.future
