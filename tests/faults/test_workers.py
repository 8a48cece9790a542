import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from uvicorn.config import STARTUP_FAILURE

from serving.model.bundle import NETWORK
from tests.deploy.services import ROOT, Service, environment, http_client
from tests.faults.conftest import Run
from tests.faults.processes import LIMIT, refuses_connections, wait_until, workers
from tests.faults.slow_reader import CONTENT, ROWS, send_file


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


@pytest.mark.slow
def test_one_that_cannot_start_ends_nobody_and_is_tried_again(run: Run, bundle: Path) -> None:
    with run(MODEL_DIR=str(bundle), WORKERS="2") as service:
        wait_until(lambda: service.output.count("Application startup complete") == 2)
        network = (bundle / NETWORK).read_bytes()
        (bundle / NETWORK).write_bytes(b"half a network")
        os.kill(workers(service)[0], signal.SIGKILL)
        wait_until(lambda: "it is tried again" in service.output)
        predict(service, 10)
        (bundle / NETWORK).write_bytes(network)
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: service.output.count("Application startup complete") == 3)
        predict(service, 10)


@pytest.mark.anyio
@pytest.mark.slow
async def test_workers_whose_supervisor_is_killed_finish_and_end(run: Run) -> None:
    with run(WORKERS="2") as service:
        wait_until(lambda: service.output.count("Application startup complete") == 2)
        answer = await send_file(service, CONTENT.encode())
        service.process.kill()
        try:
            await asyncio.to_thread(wait_until, lambda: refuses_connections(service), 5)
            body = await answer.rest()
            assert body.count(b"\n") == ROWS + 1
            wait_until(lambda: not any(lives(pid) for pid in workers(service)))
        finally:
            end_group(service)
        with run(WORKERS="2", PORT=str(service.port)) as again:
            predict(again, 2)


@pytest.mark.slow
def test_where_none_can_start_the_service_ends(bundle: Path) -> None:
    (bundle / NETWORK).write_bytes(b"half a network")
    env = environment(MODEL_DIR=str(bundle), PORT="0", WORKERS="2")
    command = [sys.executable, "-m", "serving.server"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == STARTUP_FAILURE
    assert NETWORK in done.stderr
    assert "no other lives" in done.stderr
    assert "Traceback" not in done.stderr


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def end_group(service: Service) -> None:
    """What a test that has failed may have left."""
    with suppress(ProcessLookupError):
        os.killpg(service.process.pid, signal.SIGKILL)


def predict(service: Service, times: int) -> None:
    """Each on a connection of its own, so that the workers share them."""
    for _ in range(times):
        with http_client(service) as client:
            assert client.post("/predict", data={"text": "I love this"}).status_code == 200
