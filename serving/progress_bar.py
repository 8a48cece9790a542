"""A scoring's progress on a terminal: rows, rows per second, time left."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from serving.scoring_job import Progress as Done


class ProgressBar:
    """Shows what `show` is told; nothing where the console is no terminal, such as a log's file.

    Args:
        console: of stderr, for the rows may go to stdout.
        clock: in seconds.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
        self._task = self._progress.add_task("reading", total=None)
        self._clock, self._start = clock, clock()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def show(self, done: Done) -> None:
        """The rows done so far. Those that an earlier, interrupted run did are none of this one's speed."""
        rate = (done.rows - done.resumed) / max(self._clock() - self._start, 1e-9)
        text = f"{done.rows:,} rows, {rate:,.0f} rows/s"
        self._progress.update(
            self._task, description=text, total=None if done.part is None else 1.0, completed=done.part or 0.0
        )

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()
