"""Beyond one machine, on paper: what a billion rows, and 50,000 requests a second, take.

python -m benchmarks.scaling             the tables of docs/scaling.md
python -m benchmarks.scaling --measure   the bytes of a request, an answer, a log line and a row, on this machine

All that the tables are reckoned from stands in INPUTS, each figure with the command that measures it, or as assumed.
Machines differ by five times in speed: with figures of yours in INPUTS, the tables are yours.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.files import text_records, write_rows
from benchmarks.serving.load import ROOT, tweets
from benchmarks.slug_web import connect, start_web

ROWS = 1_000_000_000
RATES = (500, 5_000, 50_000, 500_000)
CORES = (16, 64, 256, 1_024)
SAMPLE_REQUESTS, SAMPLE_ROWS = 500, 5_000  # that --measure sends

HOUR, DAY = 3600, 86_400
MEGA, GIGA = 1e6, 1e9
BITS = 8  # in a byte


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the tables are reckoned from; SOURCES says of each what it is and where it is from."""

    rows_per_core: float = 2_560
    score_share: float = 0.92
    cluster_share: float = 1.0
    row_bytes: float = 116
    scored_row_bytes: float = 172
    request_seconds: float = 0.000_375
    copy_rate: float = 3_601
    copy_cores: int = 2
    load_share: float = 0.5
    copy_memory: float = 173 * MEGA
    request_bytes: float = 332
    answer_bytes: float = 634
    log_bytes: float = 243
    machine_cores: int = 16
    link: float = 10 * GIGA / BITS
    disk: float = 500 * MEGA
    balancer_rate: float = 20_000


INPUTS = Inputs()
_MEASURE = "`python -m benchmarks.scaling --measure`"
_FILES = "`python -m benchmarks.files`"
_SERVING = "`python -m benchmarks.serving`"

# Of each input: what it is, how its value is shown, and the command that measures it; "" for what is assumed.
SOURCES = {
    "rows_per_core": (
        "rows a second of the predictor on one core",
        "{:,.0f}",
        "`python -m benchmarks.inference`",
    ),
    "score_share": ("share of it that `score` keeps", "{:.2f}", _FILES),
    "cluster_share": (
        "share of that which Ray keeps, on one machine",
        "{:.2f}",
        "`python -m benchmarks.cluster speed`",
    ),
    "row_bytes": ("bytes of a row of a CSV", "{:,.0f}", _FILES),
    "scored_row_bytes": ("bytes of the same row with its answer", "{:,.0f}", _MEASURE),
    "request_seconds": ("seconds of a processor that one request takes", "{:.6f}", f"{_SERVING[:-1]} --beside REV`"),
    "copy_rate": ("requests a second that one copy can do", "{:,.0f}", _SERVING),
    "copy_cores": ("cores that it does them with", "{:,.0f}", _SERVING),
    "load_share": ("share of them that it is given, at which 99% are answered within 8.2 ms", "{:.2f}", _SERVING),
    "copy_memory": ("bytes of memory that it holds", "{:,.0f}", "`python -m benchmarks.serving.memory`"),
    "request_bytes": ("bytes of a request with one tweet, as a proxy sends it", "{:,.0f}", _MEASURE),
    "answer_bytes": ("bytes of its answer", "{:,.0f}", _MEASURE),
    "log_bytes": ("bytes of its log line", "{:,.0f}", _MEASURE),
    "machine_cores": ("cores of a machine", "{:,.0f}", ""),
    "link": ("bytes a second that its network passes each way: 10 Gbit/s", "{:,.0f}", ""),
    "disk": ("bytes a second that one disk takes or gives", "{:,.0f}", ""),
    "balancer_rate": ("requests a second that a balancer passes on for each of its cores", "{:,.0f}", ""),
}


def main() -> None:
    """Print the tables, or measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true")
    options = parser.parse_args()
    sys.stdout.write((measured(ROOT / "artifacts") if options.measure else "\n\n".join(tables(INPUTS))) + "\n")


def tables(inputs: Inputs) -> tuple[str, str, str, str]:
    """Markdown: the inputs, a billion rows by cores, requests by rate, and what is full at which rate."""
    return inputs_table(inputs), rows_table(inputs), requests_table(inputs), limits_table(inputs)


def inputs_table(inputs: Inputs) -> str:
    """Each input with where it is from."""
    return _table(
        ["input", "value", "measured by"],
        [[what, shape.format(getattr(inputs, name)), by or "assumed"] for name, (what, shape, by) in SOURCES.items()],
    )


def rows_table(inputs: Inputs) -> str:
    """Hours for ROWS rows; on one machine by `score` alone, on several by a cluster."""
    rows = []
    for cores in CORES:
        machines = ceil(cores / inputs.machine_cores)
        rate = cores * inputs.rows_per_core * inputs.score_share * (inputs.cluster_share if machines > 1 else 1)
        moved = rate * (inputs.row_bytes + inputs.scored_row_bytes)
        figures = [f"{cores:,}", f"{machines:,}", f"{rate:,.0f}", f"{ROWS / rate / HOUR:,.2f}", f"{moved / MEGA:,.0f}"]
        rows.append([*figures, f"{moved / machines / inputs.link:.1%}", f"{moved / inputs.disk:.0%}"])
    heads = [
        "cores",
        "machines",
        "rows/s",
        "hours",
        "MB/s read and written",
        "of each machine's network",
        "of one disk",
    ]
    return _table(heads, rows)


def requests_table(inputs: Inputs) -> str:
    """What requests take; one machine more than they need, so that one may fail."""
    rows = []
    for rate in RATES:
        copies = ceil(rate / (inputs.copy_rate * inputs.load_share))
        machines = ceil(copies * inputs.copy_cores / inputs.machine_cores) + 1
        network = rate * max(inputs.request_bytes, inputs.answer_bytes) * BITS
        figures = [
            f"{rate:,}",
            f"{copies:,}",
            f"{copies * inputs.copy_cores:,}",
            f"{rate * inputs.request_seconds:,.1f}",
        ]
        figures += [f"{machines:,}", f"{copies * inputs.copy_memory / GIGA:,.1f} GB", f"{network / GIGA:,.2f} Gbit/s"]
        figures += [f"{rate * inputs.log_bytes * DAY / GIGA:,.0f} GB", f"{ceil(rate / inputs.balancer_rate):,}"]
        rows.append(figures)
    heads = ["requests/s", "copies", "their cores", "of these busy", "machines", "memory", "network of the balancer"]
    return _table([*heads, "log lines a day", "cores of the balancer"], rows)


def limits_table(inputs: Inputs) -> str:
    """At which rate each part is full."""
    machine = inputs.machine_cores / inputs.copy_cores * inputs.copy_rate
    limits = [
        ("one copy", inputs.copy_rate),
        ("one core of a balancer", inputs.balancer_rate),
        (f"one machine of {inputs.machine_cores} cores", machine),
        ("the network of one balancer", inputs.link / max(inputs.request_bytes, inputs.answer_bytes)),
        ("one disk that all log lines are written to", inputs.disk / inputs.log_bytes),
    ]
    return _table(["what", "is full at requests/s"], [[what, f"{rate:,.0f}"] for what, rate in limits])


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def measured(bundle: Path) -> str:
    """The bytes that pass, of this bundle, as lines."""
    with tempfile.TemporaryDirectory() as folder:
        sizes = {**request_sizes(bundle), **row_sizes(bundle, Path(folder))}
    return "\n".join(f"{name} = {size:,.1f}" for name, size in sizes.items())


def request_sizes(bundle: Path, number: int = SAMPLE_REQUESTS) -> dict[str, float]:
    """The mean bytes of requests with a tweet, of their answers and log lines."""
    os.environ["MODEL_DIR"] = str(bundle.resolve())
    sent = received = 0
    with tempfile.TemporaryFile() as log:
        process, port = start_web(Path(sys.executable).parent, log)
        try:
            connect(process, port, log).close()
            start = log.tell()
            with socket.create_connection(("127.0.0.1", port)) as connection:
                for text in tweets()[:number]:
                    request = _request(text, port)
                    connection.sendall(request)
                    sent, received = sent + len(request), received + _answer(connection)
        finally:
            process.terminate()
            process.wait()
        log.seek(start)
        lines = [line for line in log.read().splitlines(keepends=True) if b"POST /predict" in line]
    means = sent / number, received / number, sum(map(len, lines)) / len(lines)
    return dict(zip(("request_bytes", "answer_bytes", "log_bytes"), means, strict=True))


def _request(text: str, port: int) -> bytes:
    body = urlencode({"text": text})
    head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\nUser-Agent: python-requests/2.34.2\r\n"
    head += "X-Forwarded-For: 203.0.113.195\r\nX-Forwarded-Proto: https\r\nAccept-Encoding: gzip, deflate\r\n"
    head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


def _answer(connection: socket.socket) -> int:
    """The bytes of one answer, which must be a good one."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        sys.exit(f"error: a request was answered {head.splitlines()[0].decode()}; accepted: 200")
    (length,) = (line.split(b":")[1] for line in head.lower().splitlines() if line.startswith(b"content-length:"))
    missing = int(length) - len(body)
    while missing:
        missing -= len(connection.recv(missing))
    return len(head) + 4 + int(length)


def row_sizes(bundle: Path, folder: Path, rows: int = SAMPLE_ROWS) -> dict[str, float]:
    """The mean bytes of a row of a CSV, before and after `score`."""
    source, target = folder / "rows.csv", folder / "scored.csv"
    write_rows(source, text_records(rows))
    command: list[str | Path] = [sys.executable, "-m", "serving", "score", source, "--output", target]
    command += ["--bundle", bundle.resolve()]
    subprocess.run(command, cwd=ROOT, stderr=subprocess.DEVNULL, check=True)
    return {"row_bytes": source.stat().st_size / rows, "scored_row_bytes": target.stat().st_size / rows}


if __name__ == "__main__":
    main()
