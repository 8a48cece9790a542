import io

from rich.console import Console
from rich.progress import Progress

from serving.scoring.manifest import Record
from serving.scoring.plan import Task
from serving.scoring.progress import LOG_SECONDS, RunProgress
from serving.scoring.score import ScoreProgress
from serving.scoring.storage import StoredFile
from serving.scoring.tasks import Outcome

TASKS = [Task(StoredFile(f"/in/{name}", name, 100, 1), name, None, 100) for name in ("a.csv", "b.csv")]


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def record(output: str, rows: int) -> Record:
    return Record(
        output=output,
        input=f"/in/{output}",
        row_groups=None,
        made_of={},
        text_column="text",
        notes=[],
        rows=rows,
        errors={},
        size=1,
        sha256="",
        seconds=1.0,
    )


def shown(clock: Clock, *, terminal: bool) -> tuple[io.StringIO, RunProgress, Progress]:
    file = io.StringIO()
    bar = Progress(console=Console(file=file, force_terminal=terminal, width=100), disable=not terminal)
    return file, RunProgress(TASKS, bar, clock), bar


def test_a_log_gets_a_line_now_and_then_and_every_failure() -> None:
    clock = Clock()
    file, progress, _ = shown(clock, terminal=False)
    progress.at_work({"a.csv": ScoreProgress(5_000, 0, 0, 0.5)})
    assert file.getvalue() == ""
    clock.seconds = LOG_SECONDS
    progress.at_work({"a.csv": ScoreProgress(15_000, 0, 0, 0.5)})
    assert file.getvalue() == "0 of 2 outputs, 15,000 rows, 500 rows/s, 0:01:30 left\n"
    clock.seconds = 2 * LOG_SECONDS
    progress.ended(TASKS[0], record("a.csv", 30_000))
    assert file.getvalue().splitlines()[1] == "1 of 2 outputs, 30,000 rows, 500 rows/s, 0:01:00 left"
    progress.failed(Outcome(TASKS[1], reason="its worker was\x1b[2J lost"), 1)
    progress.failed(Outcome(TASKS[1], reason="its worker was lost"), 3)
    assert file.getvalue().splitlines()[2:] == [
        "b.csv: attempt 1 of 3 failed, tried again: its worker was\ufffd[2J lost",
        "b.csv: attempt 3 of 3 failed, given up: its worker was lost",
    ]


def test_before_anything_is_done_the_time_left_is_not_known() -> None:
    clock = Clock()
    file, progress, _ = shown(clock, terminal=False)
    clock.seconds = LOG_SECONDS
    progress.at_work({"a.csv": ScoreProgress(2_048)})
    assert "2,048 rows" in file.getvalue()
    assert "time left not known yet" in file.getvalue()


def test_a_terminal_has_a_bar_of_bytes() -> None:
    clock = Clock()
    _, progress, bar = shown(clock, terminal=True)
    clock.seconds = 1.0
    progress.ended(TASKS[0], record("a.csv", 100))
    progress.at_work({"b.csv": ScoreProgress(25, 0, 0, 0.25)})
    (task,) = bar.tasks
    assert (task.completed, task.total) == (125.0, 200.0)
    assert task.description == "1 of 2 outputs, 125 rows, 125 rows/s"
