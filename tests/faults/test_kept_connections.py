import asyncio
import os
import shutil
import signal
from functools import partial
from pathlib import Path

import pytest

from tests.bundles import TINY, relabel
from tests.deploy.services import Service
from tests.faults.clients import Clients, peers
from tests.faults.conftest import Run
from tests.faults.load import logged
from tests.faults.processes import STOPPED, wait_until, workers

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="whose a connection is, is told by /proc"),
]


@pytest.mark.parametrize("processes", ["1", "2"])
async def test_sigterm_loses_nothing_while_some_are_refused(run: Run, processes: str) -> None:
    with run(WORKERS=processes) as service:
        wait_until(lambda: len(workers(service)) == int(processes))
        clients = Clients(service, texts=64)
        for _ in range(24):
            await clients.start()
        while {200, 503} - {outcome.status for outcome in clients.all}:
            await asyncio.sleep(0.05)
        service.stop()
        await clients.ended()
        assert await asyncio.to_thread(service.process.wait, 60) in STOPPED
        served = logged(service)
    assert {outcome.status for outcome in clients.all} == {200, 503, None}
    assert not [outcome for outcome in clients.all if outcome.broken]
    answered = {outcome.request_id for outcome in clients.all if outcome.status == 200}
    assert {request_id for request_id, status in served.items() if status == 200} == answered
    assert set(served.values()) <= {200, 503}
    assert "timeout graceful shutdown exceeded" not in service.output


async def test_a_worker_that_is_killed_takes_only_its_own_connections_along(run: Run) -> None:
    with run(WORKERS="2") as service:
        wait_until(lambda: len(workers(service)) == 2)
        one, other = workers(service)
        clients = Clients(service)
        await clients.start_over([one, other])
        doomed = peers(one) & clients.outcomes.keys()
        os.kill(one, signal.SIGKILL)
        before = len(clients.all)
        await asyncio.to_thread(wait_until, partial(said, service, "Application startup complete", 3))
        await asyncio.sleep(0.2)
        await clients.end()
    lost = {port for port, outcomes in clients.outcomes.items() if outcomes[-1].status is None}
    assert lost == doomed
    assert {outcome.status for outcome in clients.all} == {200, None}
    assert len(clients.all) > before + 50, "the other one goes on meanwhile"


async def test_new_models_drop_nobody(run: Run, bundle: Path, tmp_path: Path) -> None:
    relabel(shutil.copytree(TINY, tmp_path / "new"), ["bad", "fair", "good"])
    with run(MODEL_DIR=str(bundle), WORKERS="2") as service:
        wait_until(lambda: len(workers(service)) == 2)
        clients = Clients(service)
        await clients.start_over(workers(service))
        for file in (tmp_path / "new").iterdir():
            shutil.copyfile(file, bundle / file.name)
        for taken_up in (2, 4):
            service.process.send_signal(signal.SIGHUP)
            await asyncio.to_thread(wait_until, partial(said, service, "The model is now", taken_up))
        await asyncio.sleep(0.2)
        await clients.end()
    assert {outcome.status for outcome in clients.all} == {200}
    for outcomes in clients.outcomes.values():
        first, last = outcomes[0].answer, outcomes[-1].answer
        assert first is not None
        assert last is not None
        assert first["predictions"][0]["label"] in {"negative", "neutral", "positive"}
        assert last["predictions"][0]["label"] in {"bad", "fair", "good"}


def said(service: Service, words: str, times: int) -> bool:
    return service.output.count(words) == times
