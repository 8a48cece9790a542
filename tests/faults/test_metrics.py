import asyncio
import re
from collections.abc import Iterable

import pytest

from tests.deploy.services import Service, http_client
from tests.faults.conftest import Run
from tests.faults.load import ask, text_of
from tests.faults.processes import wait_until, workers

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ASKED, TEXTS, EXPLAINED = 40, 8, 6


async def test_whichever_of_two_workers_is_asked_tells_of_both(run: Run) -> None:
    with run(WORKERS="2", QUEUE_LIMIT="1000") as service:
        wait_until(lambda: len(workers(service)) == 2)
        requests = [ask(service, n, [text_of(n * TEXTS + i) for i in range(TEXTS)]) for n in range(ASKED)]
        blank = [ask(service, n, [" "]) for n in range(5)]
        await asyncio.gather(*requests, *blank, *(explained(service) for _ in range(EXPLAINED)))
        await asyncio.sleep(0.5)  # an answer is counted after it is sent
        for text in scraped(service, times=20):
            assert figure(text, 'http_requests_total{method="POST",route="/predict",status="200"}') == ASKED + EXPLAINED
            assert figure(text, 'http_requests_total{method="POST",route="/predict",status="422"}') == len(blank)
            assert figure(text, "batch_texts_sum") == ASKED * TEXTS
            assert figure(text, 'batch_texts_bucket{le="+Inf"}') == figure(text, "batch_texts_count") > 0
            assert figure(text, "queue_texts") == 0
            for pid in workers(service):
                assert figure(text, f'process_resident_memory_bytes{{pid="{pid}"}}') > 10e6


async def explained(service: Service) -> None:
    """Work that is no batch, is counted as many texts, and ends after the batches."""
    with http_client(service) as client:
        sent = {"texts": ["I love this show " * 20] * 6, "explain": True}
        assert (await asyncio.to_thread(client.post, "/predict", json=sent)).status_code == 200


def scraped(service: Service, times: int) -> Iterable[str]:
    """The figures, each time over a connection of its own, so that both workers come to be asked."""
    for _ in range(times):
        with http_client(service) as client:
            yield client.get("/metrics").text


def figure(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (.*)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0
