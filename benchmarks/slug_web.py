"""The web process that Heroku would run, started here as there, and asked for predictions."""

import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]
START_LIMIT = 60.0
WORDS = ["the", "this", "show", "train", "great", "awful", "love", "hate", "so", "not", "😀", ":(", "#happy", "@bob"]


@dataclass(frozen=True, slots=True)
class Web:
    """What one web process was seen to do: seconds to its first answer, and bytes of resident memory."""

    first_answer: float
    memory_at_start: int | None
    memory_after_requests: int | None


def measure_web(scripts: Path, *, requests: int) -> Web:
    """Start the web process with the programs in `scripts`, and ask it for predictions over one connection."""
    with tempfile.TemporaryFile() as log:
        begin = time.perf_counter()
        process, port = start_web(scripts, log)
        try:
            with closing(connect(process, port, log)) as connection:
                texts = random_texts(requests)
                predict(connection, next(texts))
                first_answer, memory_at_start = time.perf_counter() - begin, resident(process.pid)
                for text in texts:
                    predict(connection, text)
                return Web(first_answer, memory_at_start, resident(process.pid))
        finally:
            process.terminate()
            process.wait()


def start_web(scripts: Path, log: IO[bytes]) -> tuple[subprocess.Popen[bytes], int]:
    """A process of the Procfile's command, with app.json's environment and one worker, and its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    inherited = {name: value for name, value in os.environ.items() if name not in {"WORKERS", "API_KEYS"}}
    path = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    environment = {**inherited, **config_vars(ROOT / "app.json"), "PORT": str(port), "PATH": path}
    command = ["bash", "-c", f"exec {web_command(ROOT / 'Procfile')}"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=log)
    return process, port


def web_command(procfile: Path) -> str:
    """The command of the Procfile's `web` line."""
    processes = dict(line.split(":", 1) for line in procfile.read_text(encoding="utf-8").splitlines() if ":" in line)
    return processes["web"].strip()


def config_vars(app_json: Path) -> dict[str, str]:
    """The variables that app.json gives a value."""
    declared = json.loads(app_json.read_text(encoding="utf-8"))["env"]
    return {name: entry["value"] for name, entry in declared.items() if "value" in entry}


def connect(process: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> http.client.HTTPConnection:
    """One connection for all requests, as soon as the process listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_LIMIT)
    limit = time.monotonic() + START_LIMIT
    while process.poll() is None and time.monotonic() < limit:
        try:
            connection.connect()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return connection
    log.seek(0)
    sys.exit(f"error: the web process did not start: {log.read().decode(errors='replace').strip()}")


def random_texts(number: int) -> Iterator[str]:
    """Tweets of 1 to 40 words, no two alike, the same in every run."""
    rng = random.Random(0)
    return (f"{' '.join(rng.choices(WORDS, k=rng.randint(1, 40)))} {n}" for n in range(number))


def predict(connection: http.client.HTTPConnection, text: str) -> None:
    connection.request("POST", "/predict", json.dumps({"text": text}), {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.read()
    if response.status != http.client.OK:
        sys.exit(f"error: a prediction was answered {response.status}: {answer.decode(errors='replace')}")


def resident(pid: int) -> int | None:
    """The bytes of memory that a process occupies, where the system tells."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))
