import asyncio
import logging

import pytest

from serving.batching.batcher import EXPLANATION_WEIGHT, Batcher
from serving.batching.worker import EventLoopExecutor
from serving.errors import InferenceFailed, NotReady
from tests.serving.batching.helpers import Death, Echo, UnwillingExecutor, held, until
from tests.serving.fakes import FakePredictor

pytestmark = pytest.mark.anyio


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


async def test_a_thread_that_cannot_be_started_frees_its_places(predictor: FakePredictor) -> None:
    executor = UnwillingExecutor()
    batcher = Batcher(predictor, limit=100, executor=executor)
    for call in (batcher.predict, batcher.explain):
        with pytest.raises(RuntimeError):
            await call(["good"])
        assert batcher.load == 0
    executor.refuses = False
    await batcher.check()
    assert predictor.seen == []
    assert len(await batcher.predict(["good"])) == 1


async def test_what_gathers_is_one_batch() -> None:
    echo, sizes = Echo(), list[int]()
    batcher = Batcher(echo, limit=100, max_batch_size=8, on_batch=sizes.append)
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
    batcher = Batcher(echo, limit=1000, max_batch_size=8)
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
    echo = Echo(bad=ValueError("cannot bear it"))
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


async def test_a_request_that_fails_in_its_first_batch_frees_all_its_places() -> None:
    batcher = Batcher(Echo(bad=ValueError("cannot bear it")), limit=100, max_batch_size=1)
    with pytest.raises(InferenceFailed):
        await batcher.predict(["bad", *"abcdef"])
    await until(batcher, 0)


async def test_the_workers_death_is_told_to_all_who_wait(caplog: pytest.LogCaptureFixture) -> None:
    echo = Echo(first=Death())
    batcher = Batcher(echo, limit=100, max_batch_size=1)
    first = await held(echo, batcher)
    waiting = [asyncio.create_task(call(["waiting"])) for call in (batcher.predict, batcher.explain)]
    await until(batcher, 1 + 1 + EXPLANATION_WEIGHT)
    echo.gate.set()
    outcomes = await asyncio.wait_for(asyncio.gather(first, *waiting, return_exceptions=True), 5)
    assert [type(outcome) for outcome in outcomes] == [InferenceFailed] * 3
    assert "The worker died" in caplog.text
    await until(batcher, 0)
    assert len(await batcher.predict(["next"])) == 1


async def test_on_the_event_loop_what_is_asked_in_one_turn_is_one_batch() -> None:
    echo = Echo()
    batcher = Batcher(echo, limit=100, executor=EventLoopExecutor())
    answers = await asyncio.gather(*(batcher.predict([name]) for name in "abc"))
    assert [answer.label for (answer,) in answers] == ["a", "b", "c"]
    assert echo.batches == [["a", "b", "c"]]
    assert batcher.load == 0


async def test_on_the_event_loop_a_fault_harms_no_other() -> None:
    batcher = Batcher(Echo(bad=ValueError("cannot bear it")), limit=100, executor=EventLoopExecutor())
    good, bad = await asyncio.gather(batcher.predict(["a"]), batcher.predict(["bad"]), return_exceptions=True)
    assert isinstance(good, list)
    assert isinstance(bad, InferenceFailed)
    await until(batcher, 0)


async def test_on_the_event_loop_what_waits_at_the_end_is_refused() -> None:
    batcher = Batcher(Echo(), limit=100, executor=EventLoopExecutor())
    waiting = asyncio.ensure_future(batcher.predict(["a"]))
    await asyncio.sleep(0)  # it is queued, and its batch has not begun
    await batcher.aclose()
    with pytest.raises(NotReady):
        await waiting
    assert batcher.load == 0
