"""A server's processes: started, waited for, weighed, ended."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.contenders import Contender
from benchmarks.slug_web import resident
from serving.settings import Settings

START_LIMIT = 240.0


class NotRunnableError(Exception):
    """A server could not be installed or started. `str(error)` is one sentence."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers. `first_answer`: seconds from its start to its first answered prediction."""

    pid: int
    port: int
    first_answer: float

    @property
    def memory(self) -> int:
        """Resident bytes of all of its processes."""
        return sum(resident(pid) or 0 for pid in family(self.pid))


def install(contender: Contender) -> None:
    """Make the contender's own environment where it has one. Raises NotRunnableError."""
    whole, wanted = contender.environment / "ready", "\n".join(contender.packages)
    if not contender.packages or (whole.exists() and whole.read_text(encoding="utf-8") == wanted):
        return
    made = [sys.executable, "-m", "venv", str(contender.environment)]
    filled = [str(contender.python), "-m", "pip", "install", "--quiet", *contender.packages]
    for command in (made, filled):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotRunnableError(f"could not be installed: {done.stderr.strip().splitlines()[-1][:200]}")
    whole.write_text(wanted, encoding="utf-8")


@contextmanager
def running(contender: Contender, bundle: Path, body: str, log: Path) -> Iterator[Running]:
    """The contender, from its first answer on; gone at the end. Raises NotRunnableError."""
    port = free_port()
    fill = {"{port}": str(port)}
    command = [str(contender.python), *(_filled(part, fill) for part in contender.command)]
    given = {name: _filled(value, fill) for name, value in contender.variables.items()}
    env = {
        **without_settings(),
        "MODEL_DIR": str(bundle),
        "PYTHONPATH": str(contender.root),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        **given,
    }
    begin, root = time.perf_counter(), contender.root
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=root, env=env, stdout=output, stderr=output, start_new_session=True)
    try:
        _wait_for_answer(process, contender, port, body, log)
        yield Running(process.pid, port, time.perf_counter() - begin)
    finally:
        _end(process)


def without_settings() -> dict[str, str]:
    """This process's environment but for what would set up our service, which is measured as it stands."""
    return {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}


def family(pid: int) -> list[int]:
    """A process and all that descend from it, where the system tells."""
    children = [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in _words(task)]
    return [pid, *(descendant for child in children for descendant in family(child))]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split()
    except OSError:
        return []


def _filled(text: str, fill: dict[str, str]) -> str:
    for name, value in fill.items():
        text = text.replace(name, value)
    return text


def _wait_for_answer(process: subprocess.Popen[bytes], contender: Contender, port: int, body: str, log: Path) -> None:
    limit = time.monotonic() + START_LIMIT
    while process.poll() is None and time.monotonic() < limit:
        if _answers(contender, port, body):
            return
        time.sleep(0.02)
    words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise NotRunnableError(f"did not answer: {words[-1][:200] if words else 'it said nothing'}")


def _answers(contender: Contender, port: int, body: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": contender.shape.content_type}
    try:
        connection.request("POST", contender.shape.path, body.encode(), headers)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """The whole session, for some servers leave children behind."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            continue
        time.sleep(0.5)
