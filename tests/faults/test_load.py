import asyncio
import random
import re
import time
from pathlib import Path

import httpx
import pytest

from serving.model.predictor import Predictor
from tests.deploy.services import Service, http_client
from tests.faults.conftest import Run
from tests.faults.load import ask, text_of

pytestmark = pytest.mark.anyio


async def test_each_of_many_gets_its_own_answer(service: Service, pristine_bundle: Path) -> None:
    rng = random.Random(1)
    sent = [[text_of(n * 100 + i) for i in range(rng.choice([1, 1, 2, 40]))] for n in range(400)]
    outcomes = await asyncio.gather(*(ask(service, n, texts) for n, texts in enumerate(sent)))
    predictor = Predictor.load(pristine_bundle)
    for texts, outcome in zip(sent, outcomes, strict=True):
        assert outcome.status in {200, 503}
        if outcome.answer is None or outcome.status != 200:
            continue
        found = outcome.answer["predictions"]
        assert [item["text"] for item in found] == texts
        for item, expected in zip(found, predictor.predict(texts), strict=True):
            assert item["probabilities"] == pytest.approx(expected.probabilities, abs=1e-5)
    assert sum(outcome.status == 200 for outcome in outcomes) > 0


async def test_more_than_fits_is_refused_and_nothing_is_lost(run: Run) -> None:
    with run(QUEUE_LIMIT="64", MAX_TEXTS="64") as service:
        texts = [text_of(n) for n in range(64)]
        outcomes = await asyncio.gather(*(ask(service, n, texts) for n in range(100)))
        statuses = [outcome.status for outcome in outcomes]
        assert set(statuses) == {200, 503}
        refused = [outcome.answer or {} for outcome in outcomes if outcome.status == 503]
        assert {answer["code"] for answer in refused} == {"overloaded"}
        with http_client(service) as client:
            assert client.get("/readyz").status_code == 200
            counted = client.get("/metrics").text
        for status in (200, 503):
            line = f'http_requests_total{{method="POST",route="/predict",status="{status}"}}'
            assert f"{line} {statuses.count(status)}.0" in counted
        assert "queue_texts 0.0" in counted


@pytest.mark.slow
async def test_a_full_queue_refuses_at_once_however_long_it_takes(run: Run) -> None:
    slow, more = ["a " * 5000] * 128, {"texts": ["good"] * 128}
    settings = {"QUEUE_LIMIT": "640", "MAX_BODY_BYTES": "4000000", "DEADLINE": "25", "CLIENT_TIMEOUT": "1"}
    with run(**settings) as service, http_client(service) as client:
        waiting = [asyncio.create_task(ask(service, n, slow)) for n in range(5)]
        try:
            await asyncio.to_thread(wait_for_queue, client, 640 - 127)
            begin = time.monotonic()
            answers = [await asyncio.to_thread(client.post, "/predict", json=more) for _ in range(3)]
            took = time.monotonic() - begin
            assert not any(task.done() for task in waiting)
            assert [answer.status_code for answer in answers] == [503] * 3
            assert {answer.headers["retry-after"] for answer in answers} == {"1"}
            assert took < 1, "all three"
            await asyncio.wait(waiting, timeout=60)
            assert time.monotonic() - begin > 2, "what was in the queue took many times as long"
            assert [task.result().status for task in waiting] == [200] * 5
        finally:
            for task in waiting:
                task.cancel()


def wait_for_queue(client: httpx.Client, least: int) -> None:
    """Until so many texts wait or are in work."""
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        (found,) = re.findall(r"^queue_texts (\S+)$", client.get("/metrics").text, re.MULTILINE)
        if float(found) >= least:
            return
    raise AssertionError("the queue never filled")
