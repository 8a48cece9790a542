import asyncio
import gc
import logging
import time
import weakref
from collections.abc import Callable
from threading import Lock

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from starlette.testclient import TestClient

from serving.errors import BundleError
from serving.model.predictor import PredictorLike
from serving.settings import Settings
from serving.web.app import create_app
from serving.web.reload import Reloader
from tests.serving.batching.helpers import started
from tests.serving.conftest import BROWSER
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
    running, overlapped = Lock(), list[bool]()

    def load() -> PredictorLike:
        overlapped.append(not running.acquire(blocking=False))
        time.sleep(0.02)  # or else each would be done before the next one's thread begins
        if not overlapped[-1]:
            running.release()
        return FakePredictor()

    reloading, taken = reloader(load)
    await asyncio.gather(*(reloading.reload() for _ in range(5)))
    assert len(taken) == 5
    assert overlapped == [False] * 5


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


async def test_the_version_is_that_of_the_model_that_answered(
    make_app: Callable[..., FastAPI], predictor: FakePredictor
) -> None:
    app, successor = make_app(), FakePredictor(labels=("no", "yes"))
    successor.metadata = successor.metadata.model_copy(update={"model_version": "ba9876543210"})
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        predictor.gate.clear()
        waiting = asyncio.create_task(client.post("/predict", json={"text": "good"}))
        await started(predictor)
        app.state.service = app.state.service.successor(successor)
        predictor.gate.set()
        answers = await waiting, await client.post("/predict", json={"text": "good"})
        old, new = (answer.json() for answer in answers)
        page = (await client.get("/predict", headers={"Accept": BROWSER})).text
        figures = (await client.get("/metrics")).text
    assert (old["label"], old["model_version"]) == ("positive", "0123456789ab")
    assert (new["label"], new["model_version"]) == ("yes", "ba9876543210")
    assert [answer.headers["x-model-version"] for answer in answers] == ["0123456789ab", "ba9876543210"]
    assert "ba9876543210" in page
    assert "0123456789ab" not in page
    assert 'model_info{name="fake",version="ba9876543210"} 1.0' in figures
