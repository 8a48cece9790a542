import asyncio
import logging

import pytest

from serving.batching import EXPLAINED_AS, Batcher
from serving.errors import InferenceFailed, NotReady, Overloaded
from tests.serving.fakes import FakePredictor

pytestmark = pytest.mark.anyio


async def started(predictor: FakePredictor) -> None:
    assert await asyncio.to_thread(predictor.started.wait, 5)


async def until(batcher: Batcher, load: int) -> None:
    async with asyncio.timeout(5):
        while batcher.load != load:
            await asyncio.sleep(0.001)


@pytest.fixture
def batcher(predictor: FakePredictor) -> Batcher:
    return Batcher(predictor, limit=4)


async def test_answers_in_order(batcher: Batcher) -> None:
    predictions = await batcher.predict(["good", "bad", "so so"])
    assert [prediction.label for prediction in predictions] == ["positive", "negative", "neutral"]
    assert batcher.load == 0


async def test_callers_get_their_own(batcher: Batcher) -> None:
    answers = await asyncio.gather(*(batcher.predict([text]) for text in ("good", "bad", "good")))
    assert [label for (prediction,) in answers for label in [prediction.label]] == ["positive", "negative", "positive"]


async def test_the_loop_runs_on(batcher: Batcher, predictor: FakePredictor) -> None:
    predictor.gate.clear()
    waiting = asyncio.create_task(batcher.predict(["good"]))
    await started(predictor)
    assert not waiting.done()
    assert batcher.load == 1
    predictor.gate.set()
    await waiting


async def test_explanations_in_order(batcher: Batcher) -> None:
    predictions = await batcher.explain(["good", "bad"])
    assert [prediction.label for prediction in predictions] == ["positive", "negative"]
    assert [[word.word for word in prediction.explanation or ()] for prediction in predictions] == [["good"], ["bad"]]
    assert batcher.load == 0


async def test_a_text_to_explain_counts_as_its_words(predictor: FakePredictor) -> None:
    batcher = Batcher(predictor, limit=EXPLAINED_AS + 1)
    predictor.gate.clear()
    explaining = asyncio.create_task(batcher.explain(["good", "bad"]))
    await started(predictor)
    assert batcher.load == EXPLAINED_AS
    with pytest.raises(Overloaded):
        await batcher.explain(["good"])
    between = asyncio.create_task(batcher.predict(["between"]))
    await until(batcher, EXPLAINED_AS + 1)
    predictor.gate.set()
    await asyncio.gather(explaining, between)
    assert predictor.seen == ["good", "between", "bad"]


async def test_a_failed_explanation_harms_no_other(batcher: Batcher, predictor: FakePredictor) -> None:
    predictor.fault = ValueError("weights at 0xdead")
    with pytest.raises(InferenceFailed):
        await batcher.explain(["good"])
    predictor.fault = None
    assert len(await batcher.explain(["good"])) == 1


async def test_overload_is_refused_at_once(batcher: Batcher, predictor: FakePredictor) -> None:
    predictor.gate.clear()
    first = asyncio.create_task(batcher.predict(["a", "b", "c"]))
    await started(predictor)
    with pytest.raises(Overloaded, match="3 texts wait or are in work and 2 more were sent; at most 4") as caught:
        await batcher.predict(["d", "e"])
    assert caught.value.headers == {"Retry-After": "1"}
    fits = asyncio.create_task(batcher.predict(["d"]))
    predictor.gate.set()
    await asyncio.gather(first, fits)
    assert predictor.seen == ["a", "b", "c", "d"]
    assert batcher.load == 0


async def test_cancelled_before_its_turn_is_not_computed(batcher: Batcher, predictor: FakePredictor) -> None:
    predictor.gate.clear()
    first = asyncio.create_task(batcher.predict(["first"]))
    await started(predictor)
    second = asyncio.create_task(batcher.predict(["second", "third"]))
    await until(batcher, 3)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    await until(batcher, 1)
    predictor.gate.set()
    await first
    await batcher.predict(["last"])
    assert predictor.seen == ["first", "last"]


async def test_cancelled_in_work_counts_until_the_thread_is_done(batcher: Batcher, predictor: FakePredictor) -> None:
    predictor.gate.clear()
    leaver = asyncio.create_task(batcher.predict(["a", "b", "c"]))
    await started(predictor)
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    assert batcher.load == 3
    with pytest.raises(Overloaded):
        await batcher.predict(["d", "e"])
    predictor.gate.set()
    await until(batcher, 0)
    assert len(await batcher.predict(["d", "e"])) == 2


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


async def test_closing_refuses_new_work_and_drops_what_waits(batcher: Batcher, predictor: FakePredictor) -> None:
    predictor.gate.clear()
    working = asyncio.create_task(batcher.predict(["working"]))
    await started(predictor)
    waiting = asyncio.create_task(batcher.predict(["waiting"]))
    await until(batcher, 2)
    closing = asyncio.create_task(batcher.aclose())
    with pytest.raises(NotReady) as caught:
        await waiting
    assert caught.value.headers == {"Retry-After": "5"}
    with pytest.raises(NotReady):
        await batcher.predict(["late"])
    with pytest.raises(NotReady):
        await batcher.check()
    predictor.gate.set()
    await closing
    assert len(await working) == 1
    assert predictor.seen == ["working"]
    assert batcher.load == 0


async def test_cancelling_while_closing_is_still_a_cancellation(batcher: Batcher, predictor: FakePredictor) -> None:
    predictor.gate.clear()
    working = asyncio.create_task(batcher.predict(["working"]))
    await started(predictor)
    closing = asyncio.create_task(batcher.aclose())
    await asyncio.sleep(0)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    predictor.gate.set()
    await closing


async def test_a_failed_start_of_work_frees_its_place(batcher: Batcher, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(batcher._worker, "submit", refuse)
    with pytest.raises(RuntimeError):
        await batcher.predict(["good"])
    assert batcher.load == 0
