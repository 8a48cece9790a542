"""What waits for the worker: the texts of one request, taken a part at a time."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from serving.errors import Overloaded, RequestError
from serving.predictor import Prediction

BATCH_CHARS = 20_000
"""Characters after which a batch is full: 60 tweets have fewer, and no caller waits long for others' endless texts."""


class Job:
    """The texts of one request and the future of its answer. Only `expire`, `refuse` and `settle` touch the future.

    `taken` texts have been handed to the worker; the predictions of `answered` are there. `fault` is what one of its
    parts failed with.
    """

    __slots__ = ("answered", "fault", "future", "loop", "predictions", "taken", "texts")

    def __init__(self, texts: Sequence[str], loop: asyncio.AbstractEventLoop) -> None:
        self.texts = texts
        self.loop = loop
        self.future: asyncio.Future[list[Prediction]] = loop.create_future()
        self.predictions: list[Prediction | None] = [None] * len(texts)
        self.taken = 0
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
            start, most = job.taken, max(1, limit // (len(self._jobs) + 1))
            for text in job.texts[start : start + most]:
                if chars >= BATCH_CHARS:
                    break
                chars += len(text)
                job.taken += 1
            parts.append(Part(job, start, job.taken - start))
            limit -= job.taken - start
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
