import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from fastapi import FastAPI

from serving.model.predictor import Predictor
from serving.settings import Settings
from serving.web.app import create_app
from tests.bundles import FORM, TINY
from tests.serving.batching.helpers import Echo, held, until
from tests.serving.fakes import FakePredictor

pytestmark = pytest.mark.anyio


async def test_it_is_made_by_its_settings() -> None:
    echo = Echo()
    service = create_app(Settings(deadline=14, batch_limit=3, max_files=1), echo).state.service
    first = await held(echo, service.batcher)
    others = [asyncio.create_task(service.batcher.predict([str(n)])) for n in range(5)]
    await until(service.batcher, 6)
    echo.gate.set()
    await asyncio.gather(first, *others)
    assert max(map(len, echo.batches)) == 3
    assert service.batcher.deadline == 14
    await service.predict_slots.acquire()
    assert service.predict_slots.locked()


async def test_a_successor_keeps_what_is_not_of_the_model(make_app: Callable[..., FastAPI]) -> None:
    old = make_app().state.service
    new = old.successor(FakePredictor(labels=("no", "yes")))
    assert (new.admission, new.metrics) == (old.admission, old.metrics)
    assert (new.upload_slots, new.predict_slots) == (old.upload_slots, old.predict_slots)
    assert new.batcher is not old.batcher
    assert new.readiness is not old.readiness
    assert new.pages is not old.pages


async def test_rows_that_are_little_work_are_computed_on_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set[threading.Thread]()
    for folder, is_light in ((FORM, True), (TINY, False)):
        predictor = Predictor.load(folder)
        assert predictor.is_light == is_light
        predict = predictor.predict

        def noting(rows: Sequence[Any], predict: Callable[..., Any] = predict) -> Any:
            threads.add(threading.current_thread())
            return predict(rows)

        monkeypatch.setattr(predictor, "predict", noting)
        batcher = create_app(Settings(), predictor).state.service.batcher
        threads.clear()
        await batcher.predict([predictor.metadata.known_answers[0].row])
        assert (threads == {threading.current_thread()}) == is_light
