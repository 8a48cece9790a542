import asyncio
import random

import pytest

from serving.batching.admission import Admission
from serving.batching.batcher import EXPLANATION_WEIGHT, Batcher, Readiness
from serving.errors import InferenceFailed, NotReady, Overloaded
from tests.serving.batching.helpers import Echo, UnwillingExecutor, held, started, until
from tests.serving.fakes import FakePredictor

pytestmark = pytest.mark.anyio


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


async def test_a_lone_text_waits_for_nobody() -> None:
    echo = Echo()
    assert len(await Batcher(echo, limit=1).predict(["a"])) == 1
    assert echo.batches == [["a"]]


async def test_thousands_get_their_own_answers_while_others_leave() -> None:
    echo, rng = Echo(), random.Random(1)
    batcher = Batcher(echo, limit=100_000, max_batch_size=32)

    async def ask(number: int) -> bool:
        texts = [f"{number}.{n}" for n in range(rng.choice([1, 1, 1, 2, 40]))]
        answer = batcher.explain if rng.random() < 0.02 else batcher.predict
        call = asyncio.create_task(answer(texts))
        await asyncio.sleep(rng.random() / 100)
        if leaves := rng.random() < 0.1:
            call.cancel()
        try:
            assert [answer.label for answer in await call] == texts
        except asyncio.CancelledError:
            return not leaves
        return True

    outcomes = await asyncio.wait_for(asyncio.gather(*(ask(number) for number in range(5000))), 60)
    assert outcomes.count(True) >= 4000
    await batcher.check()
    assert batcher.load == 0
    assert max(map(len, echo.batches)) <= 32


async def test_the_deadline_ends_the_wait_and_the_work() -> None:
    echo = Echo()
    batcher = Batcher(echo, limit=100, max_batch_size=1, deadline=0.05)
    echo.gate.clear()
    calls = [asyncio.create_task(batcher.predict([name])) for name in "ab"]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Overloaded, Overloaded]
    assert {outcome.error_code for outcome in outcomes if isinstance(outcome, Overloaded)} == {"deadline_exceeded"}
    assert batcher.load == 1, "what the thread still computes counts"
    echo.gate.set()
    await until(batcher, 0)
    assert echo.batches == [["a"]], "what had waited too long was never computed"


async def test_two_batchers_share_a_bound(predictor: FakePredictor) -> None:
    admission = Admission(2)
    old, new = Batcher(predictor, limit=admission), Batcher(Echo(), limit=admission)
    first = await held(predictor, old)
    with pytest.raises(Overloaded):
        await new.predict(["a", "b"])
    predictor.gate.set()
    await first
    assert len(await new.predict(["a", "b"])) == 2


async def test_no_texts_no_work(batcher: Batcher, predictor: FakePredictor) -> None:
    assert await batcher.predict([]) == []
    assert not predictor.started.is_set()


async def test_explanations_in_order(batcher: Batcher) -> None:
    predictions = await batcher.explain(["good", "bad"])
    assert [prediction.label for prediction in predictions] == ["positive", "negative"]
    assert [[word.word for word in prediction.explanation or ()] for prediction in predictions] == [["good"], ["bad"]]
    assert batcher.load == 0


async def test_a_text_to_explain_counts_as_its_words(predictor: FakePredictor) -> None:
    batcher = Batcher(predictor, limit=EXPLANATION_WEIGHT + 1)
    predictor.gate.clear()
    explaining = asyncio.create_task(batcher.explain(["good", "bad"]))
    await started(predictor)
    assert batcher.load == EXPLANATION_WEIGHT
    with pytest.raises(Overloaded):
        await batcher.explain(["good"])
    between = asyncio.create_task(batcher.predict(["between"]))
    await until(batcher, EXPLANATION_WEIGHT + 1)
    predictor.gate.set()
    await asyncio.gather(explaining, between)
    assert predictor.seen == ["good", "between", "bad"]


async def test_a_failed_explanation_harms_no_other(batcher: Batcher, predictor: FakePredictor) -> None:
    predictor.fault = ValueError("weights at 0xdead")
    with pytest.raises(InferenceFailed):
        await batcher.explain(["good"])
    predictor.fault = None
    assert len(await batcher.explain(["good"])) == 1


async def test_the_deadline_of_an_explanation(predictor: FakePredictor) -> None:
    predictor.gate.clear()
    with pytest.raises(Overloaded, match="waited too long"):
        await Batcher(predictor, limit=100, deadline=0.05).explain(["good", "bad"])
    predictor.gate.set()


async def test_one_that_waits_hears_of_the_end(predictor: FakePredictor) -> None:
    batcher = Batcher(predictor, limit=100)
    first = await held(predictor, batcher)
    waiting = asyncio.create_task(batcher.explain(["good"]))
    await until(batcher, 1 + EXPLANATION_WEIGHT)
    closing = asyncio.create_task(batcher.aclose())
    with pytest.raises(NotReady):
        await asyncio.wait_for(waiting, 5)
    predictor.gate.set()
    await closing
    await first
    assert batcher.load == 0


async def test_explanations_and_predictions_are_taken_in_turn() -> None:
    echo = Echo()
    batcher = Batcher(echo, limit=1000)
    first = await held(echo, batcher)
    explaining = asyncio.create_task(batcher.explain(["explained", "last"]))
    await until(batcher, 1 + EXPLANATION_WEIGHT)
    calls = [asyncio.create_task(batcher.predict([name])) for name in "ab"]
    await until(batcher, 1 + EXPLANATION_WEIGHT + 2)
    echo.gate.set()
    await asyncio.gather(first, explaining, *calls)
    assert echo.batches == [["first"], ["explained"], ["a", "b"], ["last"]]


async def test_one_who_left_an_explanation_frees_its_places(predictor: FakePredictor) -> None:
    batcher = Batcher(predictor, limit=100)
    first = await held(predictor, batcher)
    leaver = asyncio.create_task(batcher.explain(["good"]))
    await until(batcher, 1 + EXPLANATION_WEIGHT)
    leaver.cancel()
    await until(batcher, 1)
    predictor.gate.set()
    await first
    assert predictor.seen == ["first"]


async def test_ready(predictor: FakePredictor) -> None:
    await Readiness(Batcher(predictor, limit=1)).confirm()


async def test_answers_that_no_longer_hold(predictor: FakePredictor, caplog: pytest.LogCaptureFixture) -> None:
    readiness = Readiness(Batcher(predictor, limit=1))
    predictor.fault = ValueError("other weights")
    with pytest.raises(NotReady, match="cannot answer predictions for now"):
        await readiness.confirm()
    assert "The self-test failed" in caplog.text
    predictor.fault = None
    await readiness.confirm()


async def test_a_queue_that_does_not_move(predictor: FakePredictor) -> None:
    batcher = Batcher(predictor, limit=1)
    predictor.gate.clear()
    stuck = asyncio.create_task(batcher.predict(["stuck"]))
    with pytest.raises(NotReady):
        await Readiness(batcher, timeout=0.05).confirm()
    predictor.gate.set()
    await stuck


async def test_a_full_queue_that_moves_is_ready(predictor: FakePredictor) -> None:
    batcher = Batcher(predictor, limit=1)
    first = await held(predictor, batcher)
    probe = asyncio.create_task(Readiness(batcher).confirm())
    await asyncio.sleep(0)
    predictor.gate.set()
    await probe
    await first


async def test_probes_share_one_test(predictor: FakePredictor, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = 0

    def check() -> None:
        nonlocal checks
        assert predictor.gate.wait(timeout=10)
        checks += 1

    monkeypatch.setattr(predictor, "check", check)
    readiness = Readiness(Batcher(predictor, limit=1))
    predictor.gate.clear()
    probes = [asyncio.create_task(readiness.confirm()) for _ in range(5)]
    await asyncio.sleep(0)
    probes[0].cancel()
    predictor.gate.set()
    await asyncio.gather(*probes[1:])
    assert checks == 1


async def test_closed(predictor: FakePredictor) -> None:
    batcher = Batcher(predictor, limit=1)
    await batcher.aclose()
    with pytest.raises(NotReady):
        await Readiness(batcher).confirm()


async def test_a_thread_that_cannot_be_woken(predictor: FakePredictor, caplog: pytest.LogCaptureFixture) -> None:
    executor = UnwillingExecutor()
    readiness = Readiness(Batcher(predictor, limit=1, executor=executor))
    for _ in range(2):
        with pytest.raises(NotReady, match="cannot answer predictions for now"):
            await readiness.confirm()
    assert "The self-test failed" in caplog.text
    executor.refuses = False
    await readiness.confirm()
