import io
from collections.abc import Sequence

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


def shown(clock: Clock, *, terminal: bool, tasks: Sequence[Task] = TASKS) -> tuple[io.StringIO, RunProgress, Progress]:
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=100)
    bar = Progress(console=console, disable=not terminal, get_time=clock)
    return file, RunProgress(tasks, bar, clock), bar


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


def test_the_speed_is_that_of_the_work_while_many_run_and_end() -> None:
    """In the order of Ray's pool: what has ended is no longer told of, and then said to have ended."""
    clock, names = Clock(), [f"{number}.csv" for number in range(20)]
    tasks = [Task(StoredFile(f"/in/{name}", name, 100, 1), name, None, 100) for name in names]
    _, progress, bar = shown(clock, terminal=True, tasks=tasks)
    (shown_task,) = bar.tasks
    completed = []
    for second in range(1, 11):  # in each one ends, and all others come a twentieth further
        clock.seconds = float(second)
        progress.at_work({name: ScoreProgress(second, 0, 0, second / 20) for name in names[second:]})
        completed.append(shown_task.completed)
        progress.ended(tasks[second - 1], record(names[second - 1], 20))
        completed.append(shown_task.completed)
    assert completed == sorted(completed)
    assert shown_task.completed == 10 * 100 + 10 * 50
    assert shown_task.description == "10 of 20 outputs, 300 rows, 30 rows/s"
    assert shown_task.speed == (shown_task.completed - completed[0]) / 9


def test_what_a_failed_attempt_did_is_taken_back() -> None:
    _, progress, bar = shown(Clock(), terminal=True)
    progress.at_work({"a.csv": ScoreProgress(50, 0, 0, 0.5), "b.csv": ScoreProgress(25, 0, 0, 0.25)})
    progress.failed(Outcome(TASKS[0], reason="its worker was lost"), 1)
    (task,) = bar.tasks
    assert task.completed == 25.0
    assert task.description.startswith("0 of 2 outputs, 25 rows")
