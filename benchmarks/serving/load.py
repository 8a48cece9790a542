"""Load by wrk, whose requests are made by `requests.lua` from the same tweets for every server."""

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk saw. `rate`: good answers a second; `failed`: other ones, and broken connections.

    Latencies are in seconds, of all answers.
    """

    requests: int
    rate: float
    p50: float
    p99: float
    failed: int


@dataclass(frozen=True, slots=True)
class Shape:
    """How a server wants its requests: path, content type, `kind` of body (form, text or texts), texts in each."""

    path: str
    content_type: str
    kind: str
    texts: int = 1
    template: str = ""


FORM = Shape("/predict", "application/x-www-form-urlencoded", "form")
JSON = Shape("/predict", "application/json", "json", template='{"text": %s}')
MANY = Shape("/predict", "application/json", "json", 32, '{"texts": [%s]}')


def need_wrk() -> None:
    """End the process with a sentence where wrk is missing."""
    if shutil.which("wrk") is None:
        sys.exit("error: wrk is not on the PATH. On Debian and Ubuntu: apt-get install wrk; on a Mac: brew install wrk")


def tweets(source: Path = ROOT / "data" / "sample.csv") -> list[str]:
    """The texts that every server is sent, one after the other."""
    with source.open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)]


def write_bodies(texts: list[str], shape: Shape, target: Path) -> None:
    """The bodies of all requests, one a line."""
    from urllib.parse import urlencode

    groups = [texts[i : i + shape.texts] for i in range(0, len(texts) - shape.texts + 1, shape.texts)]
    if shape.kind == "form":
        bodies = [urlencode({"text": group[0]}) for group in groups]
    else:
        bodies = [shape.template % ", ".join(map(json.dumps, group)) for group in groups]
    target.write_text("\n".join(bodies) + "\n", encoding="utf-8")


def run_wrk(port: int, shape: Shape, bodies: Path, *, connections: int, seconds: float, pause: float = 0.0) -> Load:
    """Load a server with as many connections, each sending its next request `pause` seconds after its answer."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}", "--latency", "--timeout", "60s"]
    command += ["-s", str(HERE / "requests.lua"), f"http://127.0.0.1:{port}{shape.path}", "--"]
    command += [str(bodies), shape.content_type, str(round(pause * 1000))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return parse(done.stdout)


def run_at(run: Callable[..., Load], rate: float, *, connections: int, seconds: float) -> Load:
    """About `rate` requests a second: `run`, which takes `seconds` and `pause`, twice, for the pause that gives it.

    The first run, a third as long, shows what a connection waits for its answers at about this rate.
    """
    cycle = connections / rate
    first = run(seconds=seconds / 3, pause=cycle)
    waited = connections / first.rate - cycle if first.rate else 0.0
    return run(seconds=seconds, pause=max(0.0, cycle - waited))


def parse(output: str) -> Load:
    """What wrk printed."""
    found = re.search(r"(\d+) requests in", output)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if found is None or rate is None:
        raise ValueError(f"wrk said: {output}")
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    requests, failed = int(found[1]), int(refused[1]) if refused else 0
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    return Load(
        requests=requests,
        rate=float(rate[1]) * (requests - failed) / max(requests, 1),
        p50=_latency(output, 50),
        p99=_latency(output, 99),
        failed=failed + (sum(map(int, broken.groups())) if broken else 0),
    )


def joined(loads: Sequence[Load]) -> Load:
    """Several runs of like length as one. The latencies are the means of theirs."""
    return Load(
        requests=sum(load.requests for load in loads),
        rate=mean(load.rate for load in loads),
        p50=mean(load.p50 for load in loads),
        p99=mean(load.p99 for load in loads),
        failed=sum(load.failed for load in loads),
    )


def _latency(output: str, percentile: int) -> float:
    found = re.search(rf"{percentile}%\s+([\d.]+)(us|ms|s|m)\b", output)
    return float(found[1]) * _UNITS[found[2]] if found else float("nan")
