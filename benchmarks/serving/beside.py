"""Two services, in turn: python -m benchmarks.serving --beside REV, or --fields BUNDLE.

The revision is checked out into a temporary folder (`git worktree`). Both trees serve its bundle, with one worker and
the same Python, and are sent the same form requests in turn. Or this tree serves two bundles: the usual one is sent
tweets, the one of fields as many rows of them. A machine's speed drifts within minutes and other work takes from it, so
the ratio is that of neighbouring turns, and what a request costs in processor time, which is steadier than the rate, is
shown beside it.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from urllib.parse import urlencode

from benchmarks.fields import drawn_rows
from benchmarks.serving.contenders import OURS, Contender
from benchmarks.serving.load import FORM, ROOT, run_wrk, tweets, write_bodies
from benchmarks.serving.processes import Running, running
from serving.model.bundle import Bundle
from serving.model.inputs.fields import FieldsInput

TURNS = 5
CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Turn:
    """One measurement: requests a second, and the server's processor seconds for 1,000 requests."""

    rate: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Side:
    """One service: the tree that it is run from, its bundle, the file of bodies that it is sent, and the first body."""

    root: Path
    bundle: Path
    bodies: Path
    first: str = "text=first"


def beside(revision: str, *, seconds: float, log_level: str = "warning") -> str:
    """A Markdown table of both trees, each measured TURNS times for `seconds`, in turn.

    Raises NotRunnableError where one of them does not start.
    """
    with tempfile.TemporaryDirectory() as name, worktree(revision, Path(name) / "tree") as other:
        bodies = Path(name) / "bodies"
        write_bodies(tweets(), FORM, bodies)
        theirs, ours = (Side(root, other / "artifacts", bodies) for root in (other, ROOT))
        return report((revision, "today"), _turns(theirs, ours, seconds, _contender(log_level)))


def fields_beside(bundle: Path, of_fields: Path, *, seconds: float, log_level: str = "warning") -> str:
    """The same table of two bundles, the second one of fields. Raises NotRunnableError where one does not start."""
    fields, texts = FieldsInput.read(Bundle.read(of_fields).input_file), tweets()
    with tempfile.TemporaryDirectory() as name:
        tweet_bodies, row_bodies = Path(name) / "tweets", Path(name) / "rows"
        write_bodies(texts, FORM, tweet_bodies)
        rows = [urlencode(row) for row in drawn_rows(fields, len(texts))]
        row_bodies.write_text("\n".join(rows) + "\n", encoding="utf-8")
        sides = Side(ROOT, bundle, tweet_bodies), Side(ROOT, of_fields, row_bodies, rows[0])
        return report(("a tweet", "a row of fields"), _turns(*sides, seconds, _contender(log_level)))


def _turns(old: Side, new: Side, seconds: float, contender: Contender) -> list[tuple[Turn, Turn]]:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        servers = [
            stack.enter_context(
                running(replace(contender, root=side.root), side.bundle, side.first, Path(name) / f"{number}.log")
            )
            for number, side in enumerate((old, new))
        ]
        before, after = zip(servers, (old.bodies, new.bodies), strict=True)
        for server, bodies in (before, after):
            _turn(server, bodies, seconds / 2)  # until all is loaded and warm
        return [(_turn(*before, seconds), _turn(*after, seconds)) for _ in range(TURNS)]


def report(names: tuple[str, str], turns: list[tuple[Turn, Turn]]) -> str:
    """Markdown, of pairs of turns of the two services of these names."""
    old, new = zip(*turns, strict=True)
    ratios = [Turn(after.rate / before.rate, after.cpu / before.cpu) for before, after in turns]
    ratio = f"{names[1]} / {names[0]}"
    rows = [_row(names[0], old, ",.0f"), _row(names[1], new, ",.0f"), _row(ratio, ratios, ".3f")]
    return "\n".join(["| | requests/s | processor seconds for 1,000 requests |", "|---|---:|---:|", *rows])


@contextmanager
def worktree(revision: str, folder: Path) -> Iterator[Path]:
    """The files of a revision of this repository, in a folder that is gone afterwards."""
    _git("worktree", "add", "--detach", "--force", str(folder), revision)
    try:
        yield folder
    finally:
        _git("worktree", "remove", "--force", str(folder))


def _git(*arguments: str) -> None:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"error: git {arguments[0]} {arguments[1]}: {done.stderr.strip()}")


def _contender(log_level: str) -> Contender:
    return replace(OURS, variables={**OURS.variables, "LOG_LEVEL": log_level, "WORKERS": "1"})


def _turn(server: Running, bodies: Path, seconds: float) -> Turn:
    before = processor_seconds(server.pid)
    load = run_wrk(server.port, FORM, bodies, connections=CONNECTIONS, seconds=seconds)
    if load.failed:
        sys.exit(f"error: {load.failed:,} requests failed")
    return Turn(load.rate, (processor_seconds(server.pid) - before) / load.requests * 1000)


def processor_seconds(pid: int) -> float:
    """What all threads of a process have taken so far, in user and system mode (proc(5), /proc/PID/stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    user, system = fields[11:13]  # of those behind the name, which may hold spaces
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _row(name: str, turns: Sequence[Turn], rate: str) -> str:
    rates, cpu = [turn.rate for turn in turns], [turn.cpu for turn in turns]
    return f"| {name} | {_spread(rates, rate)} | {_spread(cpu, '.3f')} |"


def _spread(values: Sequence[float], shape: str) -> str:
    return f"{mean(values):{shape}} ± {stdev(values):{shape}}"
