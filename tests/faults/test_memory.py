import signal
import time

import pytest

from benchmarks.slug_web import resident
from tests.deploy.services import ROOT, Service, http_client
from tests.faults.conftest import Run
from tests.faults.processes import wait_until

MODELS, MOST = 4, 200e6


@pytest.mark.slow
def test_models_that_take_each_others_place_leave_no_memory_behind(run: Run) -> None:
    with run(MODEL_DIR=str(ROOT / "artifacts"), DEADLINE="1") as service:
        if resident(service.process.pid) is None:
            pytest.skip("this system does not tell")
        for number in range(1, MODELS + 1):
            predict(service)
            service.process.send_signal(signal.SIGHUP)
            wait_until(lambda number=number: service.output.count("The model is now") == number)  # type: ignore[misc]
            time.sleep(3)  # more than the DEADLINE and a second: then what the old one held is given back
        predict(service)
        assert (resident(service.process.pid) or 0) < MOST


def predict(service: Service) -> None:
    with http_client(service) as client:
        for _ in range(20):
            assert client.post("/predict", json={"texts": ["I love this show"] * 50}).status_code == 200
