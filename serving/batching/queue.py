"""What waits for the worker: the texts of one request, taken a part at a time."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from serving.errors import InferenceFailed, NotReady, Overloaded, RequestError
from serving.model.types import Prediction

BATCH_CHARS = 20_000
"""Characters after which a batch is full: 60 tweets have fewer, and no caller waits long for others' endless texts."""

_log = logging.getLogger(__name__)


class Job:
    """The texts of one request and the future of its answer. Only `expire`, `refuse` and `settle` touch the future.

    `taken` texts have been handed to the worker; the predictions of `answered` are there. `fault` is what one of its
    parts failed with. Those before `prepared` are or were looked at while they waited.
    """

    __slots__ = ("answered", "fault", "future", "loop", "predictions", "prepared", "taken", "texts")

    def __init__(self, texts: Sequence[str], loop: asyncio.AbstractEventLoop) -> None:
        self.texts = list(texts)
        self.loop = loop
        self.future: asyncio.Future[list[Prediction]] = loop.create_future()
        self.predictions: list[Prediction | None] = [None] * len(texts)
        self.taken = 0
        self.prepared = 0
        self.answered = 0
        self.fault: RequestError | None = None

    @property
    def left(self) -> int:
        """How many texts no part holds yet."""
        return len(self.texts) - self.taken

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        return self.fault is not None or self.answered == len(self.texts)

    def take(self, most: int, chars: int) -> "Part":
        """The next of its texts, which are taken by this: at most so many, and none more after so many characters."""
        part = self._part(self.taken, most, chars)
        self.taken += part.size
        return part

    def ahead(self, most: int, chars: int) -> "Part | None":
        """As `take`, of those that nobody has prepared yet, which still wait; None where there are none."""
        part = self._part(max(self.taken, self.prepared), most, chars)
        self.prepared = part.start + part.size
        return part if part.size else None

    def _part(self, start: int, most: int, chars: int) -> "Part":
        size = 0
        for text in self.texts[start : start + most]:
            if chars <= 0:
                break
            chars -= len(text)
            size += 1
        return Part(self, start, size)

    def expire(self) -> None:
        """On the loop: the deadline has passed."""
        self.refuse(expired())

    def refuse(self, error: RequestError) -> None:
        """On the loop: answer with an error, where nothing was answered."""
        if not self.future.done():
            self.future.set_exception(error)

    def settle(self) -> None:
        """On the loop: hand the finished answer over, where somebody still waits for it."""
        if self.fault is not None:
            self.refuse(self.fault)
        elif not self.future.done():
            self.future.set_result([item for item in self.predictions if item is not None])


@dataclass(frozen=True, slots=True)
class Part:
    """`size` texts of a job from `start` on: what one batch holds of it."""

    job: Job
    start: int
    size: int

    @property
    def texts(self) -> Sequence[str]:
        return self.job.texts[self.start : self.start + self.size]

    def replace(self, texts: Sequence[str]) -> None:
        """Put the same texts, prepared, in their places."""
        self.job.texts[self.start : self.start + self.size] = texts

    def answer(self, predictions: Sequence[Prediction]) -> None:
        """Put this part's predictions in their places."""
        self.job.predictions[self.start : self.start + self.size] = predictions
        self.job.answered += self.size


class Queue:
    """Jobs that have texts left, in turn. Not safe by itself: the batcher's lock guards it."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[Job, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, job: Job) -> None:
        """Put a job at the end."""
        self._jobs[job] = None

    def remove(self, job: Job) -> int:
        """Forget a job; returns how many of its texts will now never be taken."""
        self._jobs.pop(job, None)
        left = job.left
        job.taken = len(job.texts)
        return left

    def take(self, limit: int) -> list[Part]:
        """The next batch, shared between the jobs that wait: at most `limit` texts, and none more after BATCH_CHARS.

        The first in line comes first, and a job with many texts takes no more than its share while others wait: it
        goes to the end with the rest, so that a lone text never waits for all of them.
        """
        parts, chars = list[Part](), 0
        while limit and chars < BATCH_CHARS and self._jobs:
            job, _ = self._jobs.popitem(last=False)
            part = job.take(max(1, limit // (len(self._jobs) + 1)), BATCH_CHARS - chars)
            parts.append(part)
            chars += sum(map(len, part.texts))
            limit -= part.size
            if job.left:
                self.add(job)
        return parts

    def clear(self) -> list[Job]:
        """Empty it; returns what waited."""
        jobs = list(self._jobs)
        self._jobs.clear()
        return jobs


def expired() -> Overloaded:
    """What a caller is told at the deadline."""
    return Overloaded(
        "The texts waited too long for their turn. Try again shortly.",
        code="deadline_exceeded",
        headers={"Retry-After": "1"},
    )


def settle(jobs: Iterable[Job]) -> None:
    """Wake each loop once for all of its jobs that are finished."""
    by_loop: dict[asyncio.AbstractEventLoop, dict[Job, None]] = {}
    for job in jobs:
        if job.finished:
            by_loop.setdefault(job.loop, {})[job] = None
    for loop, finished in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle_all, list(finished))
        except RuntimeError:  # a loop that is closed has nobody who waits
            _log.warning("%d answers came after their event loop was closed", len(finished))


def _settle_all(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.settle()


def fail(parts: Sequence[Part], fault: BaseException) -> None:
    """Answer the jobs of these parts with the predictor's fault."""
    for part in parts:
        part.job.fault = failed()
        part.job.fault.__cause__ = fault


def failed() -> InferenceFailed:
    """What a caller is told of the predictor's fault."""
    return InferenceFailed("The prediction failed; the server has logged the fault.")


def not_ready() -> NotReady:
    """What a caller is told by a worker that is closed."""
    return NotReady("The service is shutting down and takes no more texts.", headers={"Retry-After": "5"})
