"""Today's service beside that of another revision: python -m benchmarks.serving --beside REV.

The revision is checked out into a temporary folder (`git worktree`). Both trees serve its bundle, with one worker and
the same Python, and are sent the same form requests in turn. A machine's speed drifts within minutes and other work
takes from it, so the ratio is that of neighbouring turns, and what a request costs in processor time, which is steadier
than the rate, is shown beside it.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev

from benchmarks.serving.contenders import OURS, Contender
from benchmarks.serving.load import FORM, ROOT, run_wrk, tweets, write_bodies
from benchmarks.serving.processes import Running, running

TURNS = 5
CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Turn:
    """One measurement: requests a second, and the server's processor seconds for 1,000 requests."""

    rate: float
    cpu: float


def beside(revision: str, *, seconds: float, log_level: str = "warning") -> str:
    """A Markdown table of both trees, each measured TURNS times for `seconds`, in turn.

    Raises NotRunnableError where one of them does not start.
    """
    with tempfile.TemporaryDirectory() as name, worktree(revision, Path(name) / "tree") as other:
        folder, bundle = Path(name), other / "artifacts"
        bodies = folder / "bodies"
        write_bodies(tweets(), FORM, bodies)
        theirs, ours = (replace(_contender(log_level), root=root) for root in (other, ROOT))
        with (
            running(theirs, bundle, "text=first", folder / "theirs.log") as old,
            running(ours, bundle, "text=first", folder / "ours.log") as new,
        ):
            for server in (old, new):
                _turn(server, bodies, seconds / 2)  # until all is loaded and warm
            turns = [(_turn(old, bodies, seconds), _turn(new, bodies, seconds)) for _ in range(TURNS)]
    return report(revision, turns)


def report(revision: str, turns: list[tuple[Turn, Turn]]) -> str:
    """Markdown, of pairs of turns: the revision's, then today's."""
    old, new = zip(*turns, strict=True)
    ratios = [Turn(after.rate / before.rate, after.cpu / before.cpu) for before, after in turns]
    rows = [_row(revision, old, ",.0f"), _row("today", new, ",.0f"), _row(f"today / {revision}", ratios, ".3f")]
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
