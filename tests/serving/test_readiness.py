import asyncio
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from serving.batching import Batcher
from serving.errors import NotReady
from serving.readiness import Readiness
from tests.serving.fakes import FakePredictor
from tests.serving.waiters import held

pytestmark = pytest.mark.anyio


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


async def test_a_thread_that_cannot_be_woken(
    make_app: Callable[..., FastAPI], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def submit(*_: object) -> None:
        raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    app = make_app()
    client = TestClient(app)
    assert client.get("/readyz").status_code == 200
    monkeypatch.setattr(app.state.service.batcher._worker._thread, "submit", submit)
    for _ in range(2):
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert "interpreter" not in answer.text
    assert "The self-test failed" in caplog.text
    assert client.get("/healthz").status_code == 200
    monkeypatch.undo()
    assert client.get("/readyz").status_code == 200
