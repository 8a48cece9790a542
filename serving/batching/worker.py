"""Worker thread that computes queued jobs in batches."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from threading import Lock
from typing import ParamSpec, TypeVar

from serving.batching.admission import Admission
from serving.batching.queue import BatchSlice, Job, Queue, inference_failed, resolve_jobs, shutting_down
from serving.process import give_way

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)


class EventLoopExecutor(Executor):
    """Runs work on the event loop that submits it, once what is ready there has had its turn, and so has submitted too.

    For batches that take less than to wake a thread, and be woken by it: that took a quarter of a request's time.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """See Executor; to be called on an event loop. Nobody may wait for the future there."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)

        asyncio.get_running_loop().call_soon(run)
        return future


class Worker:
    """Computes jobs in batches, in one thread or on the event loop. Safe to use from several threads.

    A batch that fails is computed again, each slice of it alone, so that only jobs whose own texts cannot be computed
    are answered with the fault.

    Args:
        admission: is given back the places of texts that are done.
        max_batch_size: texts that are computed at once, at most.
        executor: runs the thread's work when something waits; one of a single thread of its own by default.
    """

    def __init__(self, admission: Admission, *, max_batch_size: int, executor: Executor | None = None) -> None:
        self._admission = admission
        self._max_batch_size = max_batch_size
        self._executor = executor or ThreadPoolExecutor(1, "inference", give_way)
        self._lock = Lock()
        self._queue = Queue()
        self._running = False
        self._closed = False

    def add(self, job: Job) -> None:
        """Put a job at the end of the queue, and wake the thread where it rests.

        Raises:
            NotReady: the worker is closed.
            RuntimeError: the thread cannot be woken.
        """
        with self._lock:
            if self._closed:
                raise shutting_down(self._admission.noun)
            if not self._running:
                self._executor.submit(self._work)
                self._running = True
            self._queue.add(job)

    def drop(self, job: Job) -> int:
        """Forget a job. Returns how many texts those count as that were not started: they are never computed."""
        with self._lock:
            return self._queue.remove(job)

    def close(self) -> None:
        """On the loop: take nothing more and drop what waits (its callers get NotReady). What is in work goes on."""
        with self._lock:
            self._closed = True
            jobs = self._queue.clear()
        for job in jobs:
            job.reject(shutting_down(self._admission.noun))

    def join(self) -> None:
        """Wait for what is in work."""
        self._executor.shutdown()

    def _work(self) -> None:
        """In the thread: compute until nothing waits."""
        try:
            while batch := self._next_batch():
                self._compute(batch)
        except BaseException:
            # Whatever this is, whoever waits must hear of it; the next job starts the worker again.
            _log.exception("The worker died; it starts again with the next request")
            self._fail_waiting()

    def _next_batch(self) -> list[BatchSlice]:
        with self._lock:
            batch = self._queue.take(self._max_batch_size)
            self._running = bool(batch)
            return batch

    def _compute(self, batch: Sequence[BatchSlice]) -> None:
        try:
            _compute_isolated(batch)
        except BaseException as fault:
            for part in batch:
                part.fail(fault)
            raise
        finally:
            self._admission.release(sum(part.weight for part in batch))
            resolve_jobs(part.job for part in batch)

    def _fail_waiting(self) -> None:
        with self._lock:
            self._running = False
            jobs = self._queue.clear()
        for job in jobs:
            job.error = job.error or inference_failed()
        resolve_jobs(jobs)


def _compute_isolated(batch: Sequence[BatchSlice]) -> None:
    """Compute a batch; where that fails, each of its slices alone."""
    try:
        _compute_batch(batch)
    except Exception as fault:
        if len(batch) == 1:
            _log.exception("The predictor failed on %d texts of one request", batch[0].size)
            batch[0].fail(fault)
            return
        _log.warning("The predictor failed on a batch of %d requests; each is tried alone", len(batch))
        for part in batch:
            _compute_isolated([part])


def _compute_batch(batch: Sequence[BatchSlice]) -> None:
    texts = [text for part in batch for text in part.texts]
    predictions = batch[0].job.compute(texts)
    if len(predictions) != len(texts):
        raise RuntimeError(f"{len(predictions)} predictions for {len(texts)} texts")
    start = 0
    for part in batch:
        part.answer(predictions[start : start + part.size])
        start += part.size
