import json
import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.deploy.services import Service, http_client
from tests.faults.conftest import Run

LIMIT = 120


def workers(service: Service) -> list[int]:
    """The ids of the workers that have started, in order."""
    messages = [json.loads(line)["message"] for line in service.output.splitlines() if line.startswith("{")]
    started = "Started server process ["
    return [int(message[len(started) : -1]) for message in messages if message.startswith(started)]


def wait_until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


@pytest.mark.slow
def test_one_killed_worker_is_replaced_while_the_other_answers(run: Run) -> None:
    with run(WORKERS="2") as service:
        wait_until(lambda: service.output.count("Application startup complete") == 2)
        predict(service, 10)
        os.kill(workers(service)[0], signal.SIGKILL)
        # Before the supervisor has noticed, the other one answers.
        predict(service, 10)
        wait_until(lambda: service.output.count("Application startup complete") == 3)
        predict(service, 10)
        with http_client(service) as client:
            text = client.get("/metrics").text
        assert 'predictions_total{label="positive"}' in text
        counts = [float(line.split()[-1]) for line in text.splitlines() if line.startswith("predictions_total{")]
        assert sum(counts) == 30, "whichever worker is asked, and though one of them died"
        assert 'model_info{name="tiny"' in text


def predict(service: Service, times: int) -> None:
    """Each on a connection of its own, so that the workers share them."""
    for _ in range(times):
        with http_client(service) as client:
            assert client.post("/predict", data={"text": "I love this"}).status_code == 200
