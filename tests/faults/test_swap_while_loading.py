import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.serving.processes import family
from tests.bundles import TINY, relabel
from tests.deploy.services import ROOT, Service, end, environment, http_client
from tests.faults.conftest import Run
from tests.faults.processes import wait_until, workers

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="seen by /proc")]

TAKEN_UP = "The model is now tiny"


def test_one_that_starts_heeds_a_signal_when_it_has_loaded(bundle: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    env = environment(MODEL_DIR=str(bundle), PORT="0")
    command = [sys.executable, "-m", "serving.server"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=output, start_new_session=True)
    service = Service(process, 0, log)
    try:
        wait_until(lambda: survives_hangup(process.pid))
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: TAKEN_UP in service.output)
    finally:
        end(service)


def test_a_worker_that_takes_anothers_place_does_too(run: Run, bundle: Path, tmp_path: Path) -> None:
    relabel(shutil.copytree(TINY, tmp_path / "new"), ["bad", "fair", "good"])
    with run(MODEL_DIR=str(bundle), WORKERS="2") as service:
        wait_until(lambda: service.output.count("Application startup complete") == 2)
        known = spawned(service)
        os.kill(workers(service)[0], signal.SIGKILL)
        wait_until(lambda: bool(spawned(service) - known))
        for file in (tmp_path / "new").iterdir():
            shutil.copyfile(file, bundle / file.name)
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: service.output.count("Application startup complete") == 3)
        wait_until(lambda: service.output.count(TAKEN_UP) == 2)
        for _ in range(10):
            with http_client(service) as client:
                answer = client.post("/predict", json={"text": "I love this"}).json()
            assert answer["label"] in {"bad", "fair", "good"}
        assert service.output.count("another takes its place") == 1, "the signal ends no worker that loads"


def survives_hangup(pid: int) -> bool:
    """Whether SIGHUP, now, would wait. That it is ignored, as under nohup, would lose it."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    masks = dict(line.split(":", 1) for line in status.splitlines())
    return bool(int(masks["SigBlk"], 16) >> (signal.SIGHUP - 1) & 1)


def spawned(service: Service) -> set[int]:
    """The processes that the service has started as workers, whether or not they have said so."""
    return {pid for pid in family(service.process.pid) if b"spawn_main" in _command(pid)}


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
