"""The thread that runs a predictor: what waits for it, and the turns in which it is taken."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import TypeVar

from serving.batching.admission import Admission
from serving.batching.queue import Job, Part, Queue, fail, failed, not_ready, settle
from serving.model.types import PredictorLike
from serving.process import give_way, processors

WORTH_A_THREAD = 8
"""Texts that wait before the thread is woken: fewer are sooner prepared by the one that computes them."""

PORTION = 16
"""Texts that are prepared at once, and PORTION_CHARS the characters after which there are none more: a batch that
takes them meanwhile has them prepared a second time."""

PORTION_CHARS = 4_000


class Lookahead:
    """Prepares what waits, first come first, in a thread of its own.

    It is help and no more: whoever takes a text takes it as it is by then, so that a preparation that is late, or
    fails, costs nobody an answer.

    Args:
        prepare: the texts in the shape that the predictor is quicker with.
        lock: guards the queue in which the jobs wait. `add` and `clear` are called under it.
    """

    def __init__(self, prepare: Callable[[Sequence[str]], Sequence[str]], lock: Lock) -> None:
        self._prepare = prepare
        self._lock = lock
        self._thread = ThreadPoolExecutor(1, "lookahead", give_way)
        self._jobs: deque[Job] = deque()
        self._texts = 0
        self._running = False

    def add(self, job: Job) -> None:
        """This job waits now."""
        self._jobs.append(job)
        self._texts += len(job.texts)
        if self._texts >= WORTH_A_THREAD and not self._running:
            self._start()

    def clear(self) -> None:
        """No job waits any more."""
        self._jobs.clear()
        self._texts = 0

    def join(self) -> None:
        """Wait for what is being prepared."""
        self._thread.shutdown()

    def _start(self) -> None:
        try:
            self._thread.submit(self._work)
        except RuntimeError:  # no thread to be had
            return
        self._running = True

    def _work(self) -> None:
        while parts := self._next():
            # The predictor will meet the same fault, and answer for it.
            with suppress(Exception):
                prepared = iter(self._prepare([text for part in parts for text in part.texts]))
                for part in parts:
                    part.replace([next(prepared) for _ in range(part.size)])

    def _next(self) -> list[Part]:
        """The next portion; none, and the thread rests."""
        parts, size, chars = list[Part](), 0, 0
        with self._lock:
            while self._jobs and size < PORTION and chars < PORTION_CHARS:
                if part := self._jobs[0].ahead(PORTION - size, PORTION_CHARS - chars):
                    parts.append(part)
                    size += part.size
                    chars += sum(map(len, part.texts))
                else:
                    self._texts -= len(self._jobs.popleft().texts)
            self._running = bool(parts)
        return parts


T = TypeVar("T")

_log = logging.getLogger(__name__)


class Worker:
    """Computes jobs in batches, and runs calls, in one thread. The two take turns.

    A batch whose predictor fails is computed again, each request's texts alone, so that only those that the predictor
    cannot bear are answered with the fault. Safe to use from several threads.

    Args:
        predictor: what computes.
        admission: what is given back the places of texts that are done.
        batch_limit: texts that one call of the predictor is given at most.
        on_batch: told the number of texts of each batch, in the worker's thread.
    """

    def __init__(
        self, predictor: PredictorLike, admission: Admission, *, batch_limit: int, on_batch: Callable[[int], None]
    ) -> None:
        self._predictor = predictor
        self._admission = admission
        self._batch_limit = batch_limit
        self._on_batch = on_batch
        self._thread = ThreadPoolExecutor(1, "inference", give_way)
        self._lock = Lock()
        self._queue = Queue()
        self._processors = processors()
        self._lookahead = Lookahead(predictor.prepare, self._lock)
        self._calls: deque[tuple[Future[None], Callable[[], None]]] = deque()
        self._called = False
        self._running = False
        self.closed = False

    def add(self, job: Job) -> None:
        """Put a job at the end of the queue. Raises NotReady where the worker is closed."""
        self._start(lambda: self._add(job))

    def call(self, future: Future[T], work: Callable[[], T]) -> None:
        """Run `work` in its turn, unless `future`, which gets its result, is cancelled before. Raises as `add`."""
        self._start(lambda: self._calls.append((future, lambda: _run(future, work))))  # type: ignore[arg-type]

    def drop(self, job: Job) -> int:
        """Forget a job. Returns how many of its texts were not begun: they are never computed."""
        with self._lock:
            return self._queue.remove(job)

    def close(self) -> None:
        """On the loop: take nothing more and drop what waits (its callers get NotReady). What is in work goes on."""
        with self._lock:
            self.closed = True
            jobs, calls = self._clear()
        for job in jobs:
            job.refuse(not_ready())
        for future in calls:
            future.cancel()

    def join(self) -> None:
        """Wait for what is in work."""
        self._thread.shutdown()
        self._lookahead.join()

    def _start(self, add: Callable[[], None]) -> None:
        """Add something to what waits, and wake the thread where it rests."""
        with self._lock:
            if self.closed:
                raise not_ready()
            add()
            if not self._running:
                self._thread.submit(self._work)
                self._running = True

    def _add(self, job: Job) -> None:
        self._queue.add(job)
        if self._helps:
            self._lookahead.add(job)

    @property
    def _helps(self) -> bool:
        """Whether it pays to prepare texts ahead: they wait, there is a second processor, and no flood takes it."""
        return self._running and self._processors > 1 and self._admission.load <= self._admission.limit / 2

    def _clear(self) -> tuple[list[Job], list[Future[None]]]:
        """Under the lock: nothing waits any more. Returns what did."""
        calls = [future for future, _ in self._calls]
        self._calls.clear()
        self._lookahead.clear()
        return self._queue.clear(), calls

    def _work(self) -> None:
        """In the thread: compute until nothing waits."""
        try:
            while self._step():
                pass
        except BaseException:
            # Whatever this is, whoever waits must hear of it; the next call starts the worker again.
            _log.exception("The worker died; it starts again with the next request")
            self._bury()

    def _step(self) -> bool:
        with self._lock:
            call = self._next_call()
            parts = [] if call else self._queue.take(self._batch_limit)
            self._running = bool(call or parts)
            if not self._queue:
                self._lookahead.clear()
        if call:
            call()
        elif parts:
            self._compute(parts)
        return bool(call or parts)

    def _next_call(self) -> Callable[[], None] | None:
        self._called = bool(self._calls) and not (self._called and self._queue)
        return self._calls.popleft()[1] if self._called else None

    def _compute(self, parts: Sequence[Part]) -> None:
        try:
            self._predict(parts)
        except BaseException as fault:
            fail(parts, fault)
            raise
        finally:
            size = sum(part.size for part in parts)
            self._admission.release(size)
            settle(part.job for part in parts)
        self._on_batch(size)

    def _predict(self, parts: Sequence[Part]) -> None:
        try:
            self._answer(parts)
        except Exception as fault:
            if len(parts) == 1:
                _log.exception("The predictor failed on %d texts of one request", parts[0].size)
                fail(parts, fault)
                return
            _log.warning("The predictor failed on a batch of %d requests; each is tried alone", len(parts))
            for part in parts:
                self._predict([part])

    def _answer(self, parts: Sequence[Part]) -> None:
        texts = [text for part in parts for text in part.texts]
        predictions = self._predictor.predict(texts)
        if len(predictions) != len(texts):
            raise RuntimeError(f"{len(predictions)} predictions for {len(texts)} texts")
        start = 0
        for part in parts:
            part.answer(predictions[start : start + part.size])
            start += part.size

    def _bury(self) -> None:
        with self._lock:
            self._running = False
            jobs, calls = self._clear()
        for job in jobs:
            job.fault = job.fault or failed()
        settle(jobs)
        for future in calls:
            future.cancel()


def _run(future: Future[T], work: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
