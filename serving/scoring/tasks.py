"""Tasks of a scoring of many files: one done, and all of them, with retries and a manifest, wherever they are run."""

import hashlib
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from serving.errors import FileError, ServingError
from serving.model.predictor import PredictorLike
from serving.scoring.manifest import OutputFolder, Record
from serving.scoring.plan import Task
from serving.scoring.score import OpenedFile, ScoreProgress, naming, open_job, unpacked, write_file
from serving.scoring.storage import storage_of
from serving.tables.formats import Table, format_of

# Times that a task is tried: a worker can be lost, or S3 out of reach. What three could not do, a fourth will not.
ATTEMPTS = 3


class Outcome(NamedTuple):
    """How an attempt at a task ended.

    Attributes:
        task: which.
        record: of its output; None where there is none.
        reason: why there is none, or "".
    """

    task: Task
    record: Record | None = None
    reason: str = ""


# Takes how far the tasks are that are at work, by the names of their outputs.
ShowProgress = Callable[[Mapping[str, ScoreProgress]], None]


class Pool(Protocol):
    """Where tasks are run.

    Attributes:
        capacity: tasks that it takes at once; more than it can run, so that a machine that joins finds work.
    """

    capacity: int

    def submit(self, task: Task) -> None:
        """Take a task."""

    def wait(self, at_work: ShowProgress) -> Sequence[Outcome]:
        """What has ended since; comes back when something has, or within some seconds.

        Args:
            at_work: told how far the tasks are that are at work.
        """


class Reporter(Protocol):
    """Who is told how a run goes."""

    def ended(self, task: Task, record: Record) -> None:
        """An output is there."""

    def failed(self, outcome: Outcome, attempts: int) -> None:
        """An attempt has failed; it was the last where there were ATTEMPTS."""

    def at_work(self, running: Mapping[str, ScoreProgress]) -> None:
        """How far those are that have not ended."""


def run(
    tasks: Sequence[Task], pool: Pool, folder: OutputFolder, reporter: Reporter
) -> tuple[list[Record], list[Outcome]]:
    """Run tasks until each has its output, or has failed ATTEMPTS times.

    Args:
        tasks: without those whose output is there.
        pool: that runs them.
        folder: of the outputs.
        reporter: told how it goes.

    Returns:
        The records of the outputs, and the last outcome of each task that has none.
    """
    waiting, attempts, running = deque(tasks), Counter[str](), 0
    records: list[Record] = []
    failed: list[Outcome] = []
    while waiting or running:
        while waiting and running < pool.capacity:
            pool.submit(waiting.popleft())
            running += 1
        for outcome in (_seen(ended, folder) for ended in pool.wait(reporter.at_work)):
            task, running = outcome.task, running - 1
            if outcome.record:
                records.append(outcome.record)
                reporter.ended(task, outcome.record)
                continue
            attempts[task.output] += 1
            reporter.failed(outcome, attempts[task.output])
            if attempts[task.output] < ATTEMPTS:
                waiting.append(task)
            else:
                failed.append(outcome)
    return records, failed


def attempt(
    predictor: PredictorLike, task: Task, folder: OutputFolder, on_progress: Callable[[ScoreProgress], None] | None
) -> Outcome:
    """Do a task, whatever was left of an earlier attempt; nothing is raised but what ends the process.

    Args:
        predictor: called by as many threads at once as the folder's options say.
        task: which.
        folder: of the outputs.
        on_progress: told after every chunk.
    """
    try:
        return Outcome(task, _do(predictor, task, folder, on_progress))
    except ServingError as error:
        return Outcome(task, reason=str(error))
    except Exception as error:  # a bug, or a machine's fault: the other tasks go on
        return Outcome(task, reason=f"{type(error).__name__}: {error}")


def _do(
    predictor: PredictorLike, task: Task, folder: OutputFolder, on_progress: Callable[[ScoreProgress], None] | None
) -> Record:
    start, target = time.monotonic(), folder.place(task.output)
    with folder.storage.workplace(target) as workplace:
        made = workplace / Path(task.output).name
        progress, table = _score(predictor, task, made, folder, on_progress)
        record = Record(
            output=task.output,
            input=task.source.path,
            row_groups=task.row_groups,
            made_of=folder.identity(task),
            text_column=table.extract.text_name,
            notes=list(table.reader.notes),
            rows=progress.rows,
            errors=dict(progress.error_kinds),
            size=made.stat().st_size,
            sha256=_sha256(made),
            seconds=round(time.monotonic() - start, 3),
        )
        folder.write_record(record)
        folder.storage.publish(made, target)
    return record


def _score(
    predictor: PredictorLike,
    task: Task,
    made: Path,
    folder: OutputFolder,
    on_progress: Callable[[ScoreProgress], None] | None,
) -> tuple[ScoreProgress, Table]:
    source, storage = task.source.path, storage_of(task.source.path)
    with storage.opened(source) as file, naming(source), unpacked(file, source) as (content, is_packed):
        size = None if is_packed else task.source.size
        opened = OpenedFile(content, size, format_of(Path(source)), task.row_groups)
        job = open_job(predictor, opened, made, folder.options, on_progress)
        progress = write_file(job, made, {})
    now = storage.stat(source)
    if now is None or (now.size, now.modified) != (task.source.size, task.source.modified):
        raise FileError(f"{source}: was changed while it was scored; accepted: inputs that stay as they are")
    return progress, job.table


def _seen(outcome: Outcome, folder: OutputFolder) -> Outcome:
    """The outcome; a failure where this machine does not see the output, as that of another's own disk."""
    if outcome.record is None:
        return outcome
    target = folder.place(outcome.task.output)
    try:
        output = folder.storage.stat(target)
    except FileError as error:
        return Outcome(outcome.task, reason=str(error))
    if output and output.size == outcome.record.size:
        return outcome
    reason = (
        f"{target}: was written by another machine, and is not seen here; accepted: a folder that all share, or s3://"
    )
    return Outcome(outcome.task, reason=reason)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class LocalPool:
    """This machine's cores: one task after the other, each on all of them.

    Args:
        predictor: called by several threads at once.
        folder: of the outputs.
    """

    capacity = 1

    def __init__(self, predictor: PredictorLike, folder: OutputFolder) -> None:
        self._predictor, self._folder = predictor, folder
        self._tasks: deque[Task] = deque()

    def submit(self, task: Task) -> None:
        """See Pool."""
        self._tasks.append(task)

    def wait(self, at_work: ShowProgress) -> Sequence[Outcome]:
        """See Pool; but it does a task, and comes back when that has ended."""
        task = self._tasks.popleft()
        return [attempt(self._predictor, task, self._folder, lambda progress: at_work({task.output: progress}))]
