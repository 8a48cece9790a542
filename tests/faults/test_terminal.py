"""What whoever starts the service reads: lines for people in a terminal, elsewhere JSON, one sentence if it fails."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.deploy.services import HOST, ROOT, environment, free_port
from tests.faults.conftest import Run
from tests.faults.processes import LIMIT, wait_until

COMMAND = [sys.executable, "-m", "serving.server"]


class Terminal:
    """A service in a terminal of its own."""

    def __init__(self, **settings: str) -> None:
        self._ours, theirs = os.openpty()
        env = environment(**settings)
        self.process = subprocess.Popen(COMMAND, cwd=ROOT, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.shown = ""

    def read_until(self, pattern: str) -> re.Match[str]:
        """Wait until what is shown has the pattern. Raises AssertionError where it does not."""
        end = time.monotonic() + LIMIT
        while (match := re.search(pattern, self.shown)) is None:
            assert select.select([self._ours], [], [], max(0, end - time.monotonic()))[0], self.shown
            self.shown += os.read(self._ours, 65536).decode().replace("\r\n", "\n")
        return match

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@pytest.fixture
def terminal(pristine_bundle: Path) -> Iterator[Terminal]:
    terminal = Terminal(MODEL_DIR=str(pristine_bundle), PORT="0")
    yield terminal
    terminal.close()


def test_a_terminal_shows_the_page_and_a_line_for_each_request(terminal: Terminal) -> None:
    port = terminal.read_until(r"open http://127\.0\.0\.1:(\d+)/predict\n")[1]
    httpx.post(f"http://{HOST}:{port}/predict", data={"text": "a secret"}, trust_env=False).raise_for_status()
    terminal.read_until(r"POST /predict 200 [\d.]+ ms\n")
    httpx.get(f"http://{HOST}:{port}/nowhere?a=secret", trust_env=False)
    terminal.read_until(r"GET unmatched 404 [\d.]+ ms\n")
    lines = terminal.shown.splitlines()
    assert len(lines) == 3
    assert all(re.match(r"\d\d:\d\d:\d\d \S", line) for line in lines)
    assert "secret" not in terminal.shown


def test_control_c_ends_it_without_a_traceback(terminal: Terminal) -> None:
    terminal.read_until("open http")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.process.wait(LIMIT) == 0
    assert "Traceback" not in terminal.shown


def test_elsewhere_each_line_is_json(run: Run) -> None:
    with run() as service:
        httpx.get(f"{service.url}/healthz", trust_env=False).raise_for_status()
        wait_until(lambda: "GET /healthz 200" in service.output)
        messages = [json.loads(line)["message"] for line in service.output.splitlines()]
        assert f"Ready: open {service.url}/predict" in messages


def test_the_format_can_be_set(run: Run) -> None:
    with run(LOG_FORMAT="text") as service:
        wait_until(lambda: service.output.endswith("\n"))
        assert re.fullmatch(rf"\d\d:\d\d:\d\d Ready: open {service.url}/predict\n", service.output)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use_is_one_sentence(pristine_bundle: Path, workers: str) -> None:
    port = free_port()
    env = environment(MODEL_DIR=str(pristine_bundle), PORT=str(port), WORKERS=workers)
    with socket.create_server((HOST, port)):
        done = subprocess.run(COMMAND, cwd=ROOT, env=env, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 1
    assert done.stderr == f"Port {port} is in use; choose another: make serve PORT={port + 1}\n"
    assert done.stdout == ""


def test_many_workers_name_the_page_too(run: Run) -> None:
    with run(WORKERS="2") as service:
        messages = [json.loads(line)["message"] for line in service.output.splitlines()]
        assert messages[0] == f"2 workers start: open {service.url}/predict"
