"""python -m benchmarks.serving [--seconds 15] [--only NAME...]: prints the table for the README.

Each server in turn, alone, with one worker, and the same tweets: once as much as it can bear, from 64 connections that
each wait for their answer; then half of that, for the latency. No server writes a line for each request. Servers that
are not ours run in environments of their own, which are made under build/ the first time. Needs wrk and `make test`'s
environment; on a machine that does nothing else.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.serving.contenders import CONTENDERS, EMPTY, Contender
from benchmarks.serving.load import ROOT, Load, need_wrk, run_wrk, tweets, write_bodies
from benchmarks.serving.processes import NotRunnableError, install, running


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `fault` says why there are no figures. Bytes and seconds."""

    name: str
    texts: int = 1
    full: Load | None = None
    half: Load | None = None
    memory: int = 0
    first_answer: float = 0.0
    fault: str = ""


def main() -> None:
    """Measure all, or those whose names hold one of the given words."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=ROOT / "artifacts")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    need_wrk()
    chosen = [one for one in CONTENDERS if not options.only or any(word in one.name for word in options.only)]
    rows = []
    for contender in chosen:
        sys.stderr.write(f"{contender.name}\n")
        rows.append(measure(contender, options.bundle.resolve(), options.seconds))
    sys.stdout.write(table(rows) + "\n")


def measure(contender: Contender, bundle: Path, seconds: float) -> Row:
    """One server's row."""
    with tempfile.TemporaryDirectory() as folder:
        bodies = Path(folder) / "bodies"
        write_bodies(tweets(), contender.shape, bodies)
        first = bodies.read_text(encoding="utf-8").splitlines()[0]
        try:
            install(contender)
            with running(contender, bundle, first, Path(folder) / "log") as server:
                load = partial(run_wrk, server.port, contender.shape, bodies, connections=contender.connections)
                load(seconds=seconds / 5)
                full = load(seconds=seconds)
                half = load(seconds=seconds, rate=full.rate / 2)
                return Row(contender.name, contender.shape.texts, full, half, server.memory, server.first_answer)
        except NotRunnableError as error:
            return Row(contender.name, fault=str(error))


def table(rows: list[Row]) -> str:
    """Markdown; the ratio is to the empty endpoint's requests, where that was measured."""
    empty = next((row.full.rate for row in rows if row.name == EMPTY.name and row.full), None)
    head = "| server | requests/s | of the empty one | texts/s | p50, p99 at half the load | memory | first answer |"
    return "\n".join([head, "|---|---:|---:|---:|---:|---:|---:|", *(_line(row, empty) for row in rows)])


def _line(row: Row, empty: float | None) -> str:
    if row.full is None or row.half is None:
        return f"| {row.name} | {row.fault} | | | | | |"
    ratio = f"{row.full.rate / empty:.2f}" if empty else ""
    failed = row.full.failed + row.half.failed
    cells = [
        row.name + (f" ({failed:,} failed)" if failed else ""),
        f"{row.full.rate:,.1f}",
        ratio,
        f"{row.full.rate * row.texts:,.0f}",
        f"{row.half.p50 * 1000:,.1f} ms, {row.half.p99 * 1000:,.1f} ms",
        f"{row.memory / 1024**2:,.0f} MB",
        f"{row.first_answer:.1f} s",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
