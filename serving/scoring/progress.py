"""Progress of a scoring: of one file, and of many; a bar on a terminal, and of many, lines in a log."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from serving.errors import printable
from serving.scoring.manifest import Record
from serving.scoring.plan import Task
from serving.scoring.score import ScoreProgress
from serving.scoring.tasks import ATTEMPTS, Outcome

LOG_SECONDS = 30.0  # between two lines in a log

_COLUMNS = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), TimeRemainingColumn())


@contextmanager
def progress_bar(
    console: Console, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[ScoreProgress], None]]:
    """Progress bar of one file: gives the function that moves it.

    Args:
        console: of stderr, for the rows may go to stdout; where it is no terminal, such as a log, nothing is shown.
        clock: in seconds.
    """
    with Progress(*_COLUMNS, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("reading", total=None)
        start = clock()

        def show(progress: ScoreProgress) -> None:
            # Rows that an earlier, interrupted run wrote are none of this one's speed.
            rate = (progress.rows - progress.resumed) / max(clock() - start, 1e-9)
            total = None if progress.fraction is None else 1.0
            text = f"{progress.rows:,} rows, {rate:,.0f} rows/s"
            bar.update(task, description=text, total=total, completed=progress.fraction or 0.0)

        yield show


class RunProgress:
    """Progress of many files: what has ended, what is at work, and what failed and why. A Reporter.

    How far all is, is told by bytes of the inputs: how many rows they have is known only when they are read.

    Args:
        tasks: of the run.
        bar: of a terminal.
        clock: in seconds.
    """

    def __init__(self, tasks: Sequence[Task], bar: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        self._sizes = {task.output: max(task.size, 1) for task in tasks}
        self._bar, self._clock = bar, clock
        self._start = self._last_line = clock()
        self._task = bar.add_task("starting", total=sum(self._sizes.values()))
        self._outputs = self._rows = self._bytes = 0
        self._running: dict[str, ScoreProgress] = {}

    def ended(self, task: Task, record: Record) -> None:
        """See Reporter."""
        self._running.pop(task.output, None)
        self._outputs += 1
        self._rows += record.rows
        self._bytes += self._sizes[task.output]
        self._show()

    def failed(self, outcome: Outcome, attempts: int) -> None:
        """See Reporter."""
        self._running.pop(outcome.task.output, None)
        self._show()
        then = "given up" if attempts >= ATTEMPTS else "tried again"
        self._say(f"{outcome.task.output}: attempt {attempts} of {ATTEMPTS} failed, {then}: {outcome.reason}")

    def at_work(self, running: Mapping[str, ScoreProgress]) -> None:
        """See Reporter. Who is not named is where it was: a bar that fell and rose again would count that as speed."""
        self._running |= running
        self._show()

    def _show(self) -> None:
        rows = self._rows + sum(progress.rows for progress in self._running.values())
        done = self._bytes + sum(
            self._sizes[output] * (progress.fraction or 0.0) for output, progress in self._running.items()
        )
        seconds = max(self._clock() - self._start, 1e-9)
        text = f"{self._outputs:,} of {len(self._sizes):,} outputs, {rows:,} rows, {rows / seconds:,.0f} rows/s"
        self._bar.update(self._task, description=text, completed=done)
        if not self._bar.console.is_terminal and self._clock() - self._last_line >= LOG_SECONDS:
            self._last_line = self._clock()
            self._say(f"{text}, {self._time_left(done, seconds)}")

    def _time_left(self, done: float, seconds: float) -> str:
        if not done:
            return "time left not known yet"
        left = seconds * (sum(self._sizes.values()) - done) / done
        return f"{timedelta(seconds=round(left))} left"

    def _say(self, line: str) -> None:
        self._bar.console.print(printable(line), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def run_progress(tasks: Sequence[Task], console: Console) -> Iterator[RunProgress]:
    """Progress of many files: a bar on a terminal, elsewhere a line every LOG_SECONDS.

    Args:
        tasks: of the run.
        console: of stderr.
    """
    with Progress(*_COLUMNS, console=console, disable=not console.is_terminal, transient=True) as bar:
        yield RunProgress(tasks, bar)
