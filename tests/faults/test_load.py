import asyncio
import random
from pathlib import Path

import pytest

from serving.predictor import Predictor
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
