"""Explanations between the predictions of a batcher: their places, their turns and their ends."""

import asyncio
from collections.abc import Sequence

import pytest

from serving.batching.batcher import EXPLAINED_AS, Batcher
from serving.errors import InferenceFailed, NotReady, Overloaded
from serving.model.types import Prediction
from tests.serving.batching.waiters import Death, Echo, held, started, until
from tests.serving.fakes import FakePredictor

pytestmark = pytest.mark.anyio


@pytest.fixture
def batcher(predictor: FakePredictor) -> Batcher:
    return Batcher(predictor, limit=4)


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


async def test_the_deadline_of_an_explanation(predictor: FakePredictor) -> None:
    predictor.gate.clear()
    with pytest.raises(Overloaded, match="waited too long"):
        await Batcher(predictor, limit=100, deadline=0.05).explain(["good", "bad"])
    predictor.gate.set()


async def test_one_that_cannot_begin_frees_its_places(batcher: Batcher, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(batcher._worker._thread, "submit", refuse)
    with pytest.raises(RuntimeError):
        await batcher.explain(["good"])
    assert batcher.load == 0


async def test_one_that_waits_hears_of_the_end(predictor: FakePredictor) -> None:
    batcher = Batcher(predictor, limit=100)
    first = await held(predictor, batcher)
    waiting = asyncio.create_task(batcher.explain(["good"]))
    await until(batcher, 1 + EXPLAINED_AS)
    closing = asyncio.create_task(batcher.aclose())
    with pytest.raises(NotReady):
        await asyncio.wait_for(waiting, 5)
    predictor.gate.set()
    await closing
    await first
    assert batcher.load == 0


async def test_one_that_waits_hears_of_the_workers_death(monkeypatch: pytest.MonkeyPatch) -> None:
    echo = Echo()
    batcher = Batcher(echo, limit=100)

    def die(_: Sequence[str]) -> list[Prediction]:
        echo.started.set()
        assert echo.gate.wait(timeout=10)
        raise Death

    monkeypatch.setattr(echo, "predict", die)
    first = await held(echo, batcher)
    waiting = asyncio.create_task(batcher.explain(["waiting"]))
    await until(batcher, 1 + EXPLAINED_AS)
    echo.gate.set()
    outcomes = await asyncio.wait_for(asyncio.gather(first, waiting, return_exceptions=True), 5)
    assert [type(outcome) for outcome in outcomes] == [InferenceFailed, InferenceFailed]
