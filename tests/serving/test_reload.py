import asyncio
import gc
import logging
import weakref
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from serving.app import create_app
from serving.errors import BundleError
from serving.predictor import PredictorLike
from serving.reload import Reloader
from serving.settings import Settings
from tests.serving.fakes import FakePredictor

pytestmark = pytest.mark.anyio


def reloader(load: Callable[[], PredictorLike]) -> tuple[Reloader, list[PredictorLike]]:
    taken: list[PredictorLike] = []
    return Reloader(load, taken.append, settle=0), taken


async def test_a_good_model_is_taken_up(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    new = FakePredictor()
    reloading, taken = reloader(lambda: new)
    await reloading.reload()
    assert taken == [new]
    assert "The model is now fake 0123456789ab" in caplog.text


@pytest.mark.parametrize(
    ("error", "said"),
    [(BundleError("tokenizer.json: is missing"), "tokenizer.json: is missing"), (MemoryError(), "cannot be loaded")],
)
async def test_a_bad_one_is_not(error: Exception, said: str, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> PredictorLike:
        raise error

    reloading, taken = reloader(fail)
    await reloading.reload()
    assert taken == []
    assert said in caplog.text
    assert "the old one stays" in caplog.text


async def test_one_at_a_time() -> None:
    running = most = 0

    def load() -> PredictorLike:
        nonlocal running, most
        running += 1
        most = max(most, running)
        running -= 1
        return FakePredictor()

    reloading, taken = reloader(load)
    await asyncio.gather(*(reloading.reload() for _ in range(5)))
    assert (len(taken), most) == (5, 1)


@pytest.mark.parametrize("answered", [False, True])
async def test_the_old_one_is_freed(answered: bool) -> None:
    old = FakePredictor()
    seen, app = weakref.ref(old), create_app(Settings(), old)
    del old
    with TestClient(app) as client:
        if answered:
            assert client.post("/predict", json={"text": "good"}).status_code == 200
        app.state.service = app.state.service.successor(FakePredictor())
        assert client.post("/predict", json={"text": "good"}).status_code == 200
        gc.collect()
        assert seen() is None


async def test_a_request_is_answered_by_the_model_that_it_met(
    make_app: Callable[..., FastAPI], predictor: FakePredictor
) -> None:
    old = make_app().state.service
    successor = FakePredictor(labels=("no", "yes"))
    predictor.gate.clear()
    waiting = asyncio.create_task(old.batcher.predict(["good"]))
    assert await asyncio.to_thread(predictor.started.wait, 5)
    new = old.successor(successor)
    assert (await new.batcher.predict(["good"]))[0].label == "yes"
    assert new.admission.load == 1, "what waits for the old model counts"
    predictor.gate.set()
    assert (await waiting)[0].label == "positive"
    assert new.metadata.labels == ["no", "yes"]
