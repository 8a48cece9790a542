"""Predictions beside corrections: python -m benchmarks.feedback [--seconds 20] [--turns 3].

Measures what the service can bear, then sends it half of that, each request on time: by itself, with ten corrections a
second, and with as many while their database is stopped; in turns. The database is a PostgreSQL server of its own.
Prints how the predictions fared, and whether one was lost or was the answer to another text.
"""

import http.client
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from threading import Event, Thread

import uvloop

from benchmarks.serving.client import Tally
from benchmarks.serving.contenders import OURS, TRAIN
from benchmarks.serving.load import FORM, need_wrk, run_wrk, tweets, write_bodies
from benchmarks.serving.ours import parser
from benchmarks.serving.overload import overload
from benchmarks.serving.processes import Running, running
from tests.postgresql import Postgresql, postgresql_programs, running_server

CORRECTIONS = 10  # a second
SHARE = 0.5  # of what the service can bear


@dataclass(slots=True)
class Turns:
    """What came of all turns of one kind. `corrections`: their number by status."""

    tallies: list[Tally] = field(default_factory=list)
    corrections: Counter[int] = field(default_factory=Counter)

    @property
    def seconds(self) -> list[float]:
        """How long each accepted prediction took, the shortest first."""
        return sorted(second for tally in self.tallies for second in tally.accepted)

    def p99(self) -> float:
        """The 99th percentile of `seconds`."""
        return self.seconds[int(len(self.seconds) * 0.99)]

    def total(self, name: str) -> int:
        """The sum of a number of all tallies."""
        return sum(getattr(tally, name) for tally in self.tallies)


def main() -> None:
    """Measure and print."""
    own = parser(__doc__)
    own.add_argument("--seconds", type=float, default=20)
    own.add_argument("--turns", type=int, default=3)
    options = own.parse_args()
    programs = postgresql_programs()
    if programs is None:
        sys.exit("error: PostgreSQL's server is not installed; on Debian, apt install postgresql brings it")
    with running_server(programs) as database:
        database.create()
        with _service(options.bundle, database) as (server, bodies):
            bearable = run_wrk(server.port, FORM, bodies, connections=64, seconds=options.seconds / 2).rate
            kinds = _measure(server, database, bearable * SHARE, options.seconds, options.turns)
    sys.stdout.write(report(bearable, kinds) + "\n")


@contextmanager
def _service(bundle: Path, database: Postgresql) -> Iterator[tuple[Running, Path]]:
    """The service with corrections, in the environment that has their packages, and the bodies for wrk."""
    need_wrk()
    with tempfile.TemporaryDirectory() as folder:
        bodies = Path(folder) / "bodies"
        write_bodies(tweets(), FORM, bodies)
        variables = {**OURS.variables, "FEEDBACK": "true", "DATABASE_URL": database.url}
        contender = replace(OURS, environment=TRAIN, variables=variables)
        with running(contender, bundle.resolve(), "text=first", Path(folder) / "log") as server:
            yield server, bodies


def _measure(server: Running, database: Postgresql, rate: float, seconds: float, turns: int) -> dict[str, Turns]:
    kinds = {"alone": Turns(), "with corrections": Turns(), "their database stopped": Turns()}
    for _ in range(turns):
        for name, kind in kinds.items():
            with ExitStack() as stack:
                stack.enter_context(database.stopped() if "stopped" in name else nullcontext())
                if name != "alone":
                    stack.enter_context(correcting(server.port, kind.corrections))
                kind.tallies.append(uvloop.run(overload(server, rate, seconds)))
    return kinds


@contextmanager
def correcting(port: int, statuses: Counter[int]) -> Iterator[None]:
    """Send CORRECTIONS a second meanwhile, each a new one, and count the statuses of their answers."""
    done, started = Event(), time.time()

    def send() -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            for number in count():
                if done.wait(1 / CORRECTIONS):
                    return
                sent = {"text": f"not good, {started} {number}", "label": "positive", "correct": "negative"}
                connection.request("POST", "/feedback", json.dumps(sent), {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                statuses[answer.status] += 1

    sender = Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        done.set()
        sender.join()


def report(bearable: float, kinds: dict[str, Turns]) -> str:
    """Markdown."""
    alone = next(iter(kinds.values())).p99()
    lines = [
        f"It can bear {bearable:,.0f} requests a second; sent were {bearable * SHARE:,.0f}.",
        "",
        "| predictions | answered | p50 | p99 | of p99 alone | refused | lost | wrong | corrections |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    return "\n".join([*lines, *(_row(name, kind, alone) for name, kind in kinds.items())])


def _row(name: str, kind: Turns, alone: float) -> str:
    seconds, p99 = kind.seconds, kind.p99()
    refused = sum(len(tally.refused) for tally in kind.tallies)
    statuses = ", ".join(f"{number:,} x {status}" for status, number in sorted(kind.corrections.items()))
    cells = [
        name,
        f"{len(seconds):,}",
        f"{seconds[len(seconds) // 2] * 1000:.1f} ms",
        f"{p99 * 1000:.1f} ms",
        f"{p99 / alone:.2f}",
        f"{refused:,}",
        f"{kind.total('lost') + kind.total('unsent'):,}",
        f"{kind.total('wrong'):,}",
        statuses or "none",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
