"""Fair queue of prediction requests, from which batches are taken."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from serving.errors import InferenceFailed, NotReady, Overloaded, RequestError
from serving.model.types import Prediction

# Characters after which a batch is full: 60 tweets have fewer, and no caller waits long for others' endless texts.
MAX_BATCH_CHARS = 20_000

Compute = Callable[[Sequence[str]], Sequence[Prediction]]

_log = logging.getLogger(__name__)


class Job:
    """The texts of one request and the future of its answer. Only `expire`, `reject` and `resolve` touch the future.

    Args:
        texts: none is fine, for work that needs only its turn.
        compute: what the worker's thread calls with texts; jobs of the same one share batches.
        loop: on which the future is awaited.
        weight: how many texts each text counts as, in admission and in a batch.

    Attributes:
        future: gets one prediction a text, in order, or a RequestError.
        started: how many texts the worker has been handed.
        answered: how many predictions are there.
        error: what one of its slices failed with.
    """

    __slots__ = ("answered", "compute", "error", "future", "loop", "predictions", "started", "texts", "weight")

    def __init__(
        self, texts: Sequence[str], compute: Compute, loop: asyncio.AbstractEventLoop, *, weight: int = 1
    ) -> None:
        self.texts = texts
        self.compute = compute
        self.loop = loop
        self.weight = weight
        self.future: asyncio.Future[list[Prediction]] = loop.create_future()
        self.predictions: list[Prediction | None] = [None] * len(texts)
        self.started = 0
        self.answered = 0
        self.error: RequestError | None = None

    @property
    def remaining(self) -> int:
        """How many texts no slice holds yet."""
        return len(self.texts) - self.started

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        return self.error is not None or self.answered == len(self.texts)

    def take(self, max_texts: int, max_chars: int) -> "BatchSlice":
        """Start the next texts: at most so many, and none more after so many characters."""
        size = 0
        for text in self.texts[self.started : self.started + max_texts]:
            if max_chars <= 0:
                break
            max_chars -= len(text)
            size += 1
        self.started += size
        return BatchSlice(self, self.started - size, size)

    def expire(self, noun: str = "texts") -> None:
        """On the loop: the deadline has passed."""
        self.reject(deadline_exceeded(noun))

    def reject(self, error: RequestError) -> None:
        """On the loop: answer with an error, where nothing was answered."""
        if not self.future.done():
            self.future.set_exception(error)

    def resolve(self) -> None:
        """On the loop: hand the finished answer over, where somebody still waits for it."""
        if self.error is not None:
            self.reject(self.error)
        elif not self.future.done():
            self.future.set_result([prediction for prediction in self.predictions if prediction is not None])


@dataclass(frozen=True, slots=True)
class BatchSlice:
    """What one batch holds of a job: `size` of its texts, from `start` on."""

    job: Job
    start: int
    size: int

    @property
    def texts(self) -> Sequence[str]:
        """The texts themselves."""
        return self.job.texts[self.start : self.start + self.size]

    @property
    def weight(self) -> int:
        """How many texts it counts as."""
        return self.size * self.job.weight

    def answer(self, predictions: Sequence[Prediction]) -> None:
        """Put this slice's predictions in their places."""
        self.job.predictions[self.start : self.start + self.size] = predictions
        self.job.answered += self.size

    def fail(self, fault: BaseException) -> None:
        """Answer the job with the predictor's fault."""
        self.job.error = inference_failed()
        self.job.error.__cause__ = fault


class Queue:
    """Jobs with texts that are not started, in turn. Not safe by itself: the worker's lock guards it."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[Job, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, job: Job) -> None:
        """Put a job at the end."""
        self._jobs[job] = None

    def remove(self, job: Job) -> int:
        """Forget a job; returns how many texts those count as that will now never start."""
        self._jobs.pop(job, None)
        dropped = job.remaining * job.weight
        job.started = len(job.texts)
        return dropped

    def take(self, max_batch_size: int) -> list[BatchSlice]:
        """The next batch: at most so many texts by weight, and none more after MAX_BATCH_CHARS.

        It has the first job in line and those behind it that are computed in the same way. A job with many texts takes
        no more than its share while others wait: it goes to the end with the remaining ones, so that a lone text never
        waits for all of them.
        """
        batch, size, chars = list[BatchSlice](), 0, 0
        while self._jobs and chars < MAX_BATCH_CHARS:
            job = next(iter(self._jobs))
            if batch and (size + job.weight > max_batch_size or job.compute != batch[0].job.compute):
                break
            del self._jobs[job]
            share = (max_batch_size - size) // job.weight // (len(self._jobs) + 1)
            batch.append(job.take(max(1, share), MAX_BATCH_CHARS - chars))
            size += batch[-1].weight
            chars += sum(map(len, batch[-1].texts))
            if job.remaining:
                self.add(job)
        return batch

    def clear(self) -> list[Job]:
        """Empty it; returns what waited."""
        jobs = list(self._jobs)
        self._jobs.clear()
        return jobs


def resolve_jobs(jobs: Iterable[Job]) -> None:
    """Wake each loop once for all of its jobs that are finished."""
    by_loop: dict[asyncio.AbstractEventLoop, dict[Job, None]] = {}
    for job in jobs:
        if job.finished:
            by_loop.setdefault(job.loop, {})[job] = None
    for loop, finished in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve_all, list(finished))
        except RuntimeError:  # a loop that is closed has nobody who waits
            _log.warning("%d answers came after their event loop was closed", len(finished))


def _resolve_all(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.resolve()


def deadline_exceeded(noun: str = "texts") -> Overloaded:
    """The answer at the deadline."""
    return Overloaded(
        f"The {noun} waited too long for their turn. Try again shortly.",
        code="deadline_exceeded",
        headers={"Retry-After": "1"},
    )


def inference_failed() -> InferenceFailed:
    """The answer to a fault of the predictor."""
    return InferenceFailed("The prediction failed; the server has logged the fault.")


def shutting_down(noun: str = "texts") -> NotReady:
    """The answer of a worker that is closed."""
    return NotReady(f"The service is shutting down and takes no more {noun}.", headers={"Retry-After": "5"})
