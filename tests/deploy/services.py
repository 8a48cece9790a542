"""Real processes of the service, for the tests that need one."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from serving.settings import Settings

ROOT = Path(__file__).parents[2]
START_LIMIT = 120.0
HOST = "127.0.0.1"

# What would change how the service runs, were the machine that runs the tests to set it.
_SERVICE_VARIABLES = {*map(str.upper, Settings.model_fields), "PORT", "WORKERS", "WEB_CONCURRENCY", "PYTHONPATH"}


@dataclass(frozen=True, slots=True)
class Service:
    """One running service. `log` holds what it has written so far."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def connect(self) -> socket.socket:
        return socket.create_connection((HOST, self.port), timeout=30)

    def stop(self) -> None:
        """Send SIGTERM as Heroku does: to every process."""
        os.killpg(self.process.pid, signal.SIGTERM)


def environment(**added: str) -> dict[str, str]:
    """The environment of a process of the service: this one's, without the service's own settings."""
    return {name: value for name, value in os.environ.items() if name not in _SERVICE_VARIABLES} | added


def free_port() -> int:
    """A port that nothing listens at, for now."""
    with socket.socket() as unused:
        unused.bind((HOST, 0))
        port: int = unused.getsockname()[1]
    return port


@contextmanager
def running(
    command: Sequence[str | Path], *, port: int, log: Path, cwd: Path, env: Mapping[str, str]
) -> Iterator[Service]:
    """The service, from when it listens; gone at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=output, stderr=output, start_new_session=True)
    service = Service(process, port, log)
    try:
        wait_until_listening(service)
        yield service
    finally:
        end(service)


def wait_until_listening(service: Service) -> None:
    """Return once the service takes connections. Raises RuntimeError with its log where it does not."""
    if not listening(service.port, lambda: service.process.poll() is None):
        raise RuntimeError(f"The service did not start: {service.output}")


def listening(port: int, is_alive: Callable[[], bool]) -> bool:
    """Wait until something listens at the port; False where it died first or took too long."""
    limit = time.monotonic() + START_LIMIT
    while is_alive() and time.monotonic() < limit:
        try:
            socket.create_connection((HOST, port), timeout=30).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return True
    return False


def end(service: Service) -> None:
    """Stop the process, by force where it does not go by itself."""
    try:
        if service.process.poll() is None:
            service.stop()
        service.process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        os.killpg(service.process.pid, signal.SIGKILL)
        service.process.wait()


@contextmanager
def http_client(service: Service) -> Iterator[httpx.Client]:
    """A client that no proxy of the machine comes between."""
    with httpx.Client(base_url=service.url, trust_env=False, timeout=30) as client:
        yield client
