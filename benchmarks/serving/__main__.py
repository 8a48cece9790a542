"""python -m benchmarks.serving [--seconds 15] [--only NAME...] [--beside REV | --fields BUNDLE].

Prints the table for docs/figures.md. Each server in turn, with one worker, and the same tweets: once as much as it can
bear, from connections that each wait for their answer; then about half of that, for the latency. A machine's speed
drifts within minutes, so each ratio is one of turns: a few seconds of the empty endpoint, a few of the server, and
again. No server writes a line for each request. Servers that are not ours run in environments of their own, which are
made under build/ the first time. Needs wrk and `make test`'s environment; on a machine that does nothing else, and
whose two cores are its own: what two processes do at once is told beside.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.serving.beside import beside, fields_beside
from benchmarks.serving.contenders import CONTENDERS, EMPTY, ONE_THREAD, SERVE_PYTHON, Contender
from benchmarks.serving.cores import worth
from benchmarks.serving.load import ROOT, Load, joined, need_wrk, run_at, run_wrk, tweets, write_bodies
from benchmarks.serving.processes import NotRunnableError, Running, install, running
from benchmarks.serving.row import Row, line, table
from benchmarks.serving.targets import targets

TURNS = 4


def main() -> None:
    """Measure all, or those whose names hold one of the given words."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=ROOT / "artifacts")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--beside", metavar="REV", help="only today's service and that of this revision, in turn")
    parser.add_argument(
        "--fields", type=Path, metavar="BUNDLE", help="only the service with --bundle and with this one"
    )
    parser.add_argument("--log-level", default="warning", help="of both services, with --beside or --fields")
    options = parser.parse_args()
    need_wrk()
    if options.beside:
        sys.stdout.write(f"{beside(options.beside, seconds=options.seconds, log_level=options.log_level)}\n")
        return
    if options.fields:
        both = options.bundle.resolve(), options.fields.resolve()
        sys.stdout.write(f"{fields_beside(*both, seconds=options.seconds, log_level=options.log_level)}\n")
        return
    chosen = [one for one in CONTENDERS if not options.only or any(word in one.name for word in options.only)]
    before = worth()
    with tempfile.TemporaryDirectory() as folder:
        rows = run(chosen, options.bundle.resolve(), options.seconds, Path(folder))
    cores = (
        f"Two processes at once did {before:.2f} times the work of one before the run, {worth():.2f} times after it."
    )
    sys.stdout.write(f"{table(rows)}\n\n{cores}\n\n{targets(rows)}\n")


def run(chosen: list[Contender], bundle: Path, seconds: float, folder: Path) -> list[Row]:
    """A row for each; told on stderr as it comes."""
    rows = []
    bodies, first = _bodies(EMPTY, folder / "empty")
    with running(EMPTY, bundle, first, folder / "log") as empty:
        beside = partial(run_wrk, empty.port, EMPTY.shape, bodies, connections=EMPTY.connections)
        for contender in chosen:
            rows.append(measure(contender, bundle, seconds, folder, beside))
            sys.stderr.write(f"{line(rows[-1])}\n")
    return rows


def measure(contender: Contender, bundle: Path, seconds: float, folder: Path, beside: Callable[..., Load]) -> Row:
    """One server's row."""
    bodies, first = _bodies(contender, folder / "bodies")
    try:
        install(contender)
        with running(contender, bundle, first, folder / "log") as server:
            return _measure(contender, server, bodies, bundle, seconds, beside)
    except NotRunnableError as error:
        return Row(contender.name, fault=str(error))


def _measure(
    contender: Contender, server: Running, bodies: Path, bundle: Path, seconds: float, beside: Callable[..., Load]
) -> Row:
    shape, turn = contender.shape, seconds / TURNS
    load = partial(run_wrk, server.port, shape, bodies, connections=contender.connections)
    load(seconds=seconds / 5)
    mine, empty, alone = [], [], []
    for _ in range(TURNS):
        empty.append(beside(seconds=turn).rate)
        mine.append(load(seconds=turn))
        if shape.texts > 1:
            alone.append(_alone(bundle, shape.texts, turn))
    full = joined(mine)
    half = run_at(load, full.rate / 2, connections=contender.connections, seconds=seconds / 2) if full.rate else full
    return Row(
        contender.name,
        shape.texts,
        contender.connections,
        full,
        half,
        empty=sum(empty) / TURNS,
        alone=sum(alone) / TURNS,
        memory=server.memory,
        first_answer=server.first_answer,
    )


def _alone(bundle: Path, texts: int, seconds: float) -> float:
    command = [str(SERVE_PYTHON), "-m", "benchmarks.serving.alone", str(bundle), str(texts), str(seconds)]
    env = {**os.environ, **ONE_THREAD}
    return float(subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout)


def _bodies(contender: Contender, target: Path) -> tuple[Path, str]:
    """The file of all bodies, and the first of them."""
    write_bodies(tweets(), contender.shape, target)
    return target, target.read_text(encoding="utf-8").splitlines()[0]


if __name__ == "__main__":
    main()
