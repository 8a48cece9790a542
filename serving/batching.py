"""Predictions off the event loop, in batches that form by themselves, with a bound on how much may wait.

There is no waiting window: a lone text is computed at once. While the worker computes, arrivals gather; when it is
done, it takes what has gathered as its next batch. So batches grow with the load, and only with the load.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Protocol, TypeVar

from serving.admission import Admission
from serving.errors import InferenceFailed, NotReady
from serving.jobs import Job, Part, Queue, expired
from serving.metadata import Metadata
from serving.predictor import Prediction

T = TypeVar("T")

BATCH_LIMIT = 64
DEADLINE = 20.0

EXPLAINED_AS = 32
"""How many texts one text counts as that is to be explained: a tweet's words, each of which is left out once."""

_log = logging.getLogger(__name__)


class PredictorLike(Protocol):
    """What the service asks of a predictor. All but `metadata` is only ever called by one thread at a time.

    `predict` is given texts of any length; that it computes those near in length together is its own affair.
    """

    @property
    def metadata(self) -> Metadata: ...

    def predict(self, texts: Sequence[str]) -> list[Prediction]: ...

    def explain(self, text: str) -> Prediction: ...

    def check(self) -> None: ...


class Batcher:
    """Runs a predictor in one worker thread, so that the event loop answers other requests meanwhile.

    A text counts in `admission` until the thread is done with it: a caller that has gone away or waited longer than
    the deadline frees its place at once where the work had not begun (it is then never computed), and when the work
    ends where it had. Its batch-mates are answered either way.

    A batch whose predictor fails is computed again, each request's texts alone, so that only those that the predictor
    cannot bear are answered with the fault.

    Args:
        predictor: what computes.
        admission: how much may wait or be in work, over all batchers that share it; or that number itself.
        batch_limit: texts that one call of the predictor is given at most.
        deadline: seconds from a call to its answer; after them the caller is refused.
        on_batch: told the number of texts of each batch, in the worker's thread.
    """

    def __init__(
        self,
        predictor: PredictorLike,
        *,
        limit: int | Admission,
        batch_limit: int = BATCH_LIMIT,
        deadline: float = DEADLINE,
        on_batch: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._predictor = predictor
        self._admission = limit if isinstance(limit, Admission) else Admission(limit)
        self._batch_limit = batch_limit
        self._deadline = deadline
        self._on_batch = on_batch
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="inference")
        self._lock = Lock()
        self._queue = Queue()
        self._calls: deque[tuple[Future[None], Callable[[], None]]] = deque()
        self._called = False
        self._running = False
        self._closed = False

    @property
    def load(self) -> int:
        """Texts that wait or are in work."""
        return self._admission.load

    async def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction a text, in order.

        Raises Overloaded, at once, where the texts do not fit under the limit, and at the deadline; NotReady where the
        batcher is closed or closes before their turn; InferenceFailed where the predictor failed, which harms no other
        call.
        """
        if not texts:
            return []
        loop = asyncio.get_running_loop()
        job = Job(texts, loop)
        self._enqueue(job)
        timer = loop.call_later(self._deadline, job.expire)
        try:
            return await job.future
        finally:
            timer.cancel()
            if job.left:
                self._drop(job)

    async def explain(self, texts: Sequence[str]) -> list[Prediction]:
        """As `predict`, with explanations, each text being work of its own, so that other callers' comes in between.

        A text counts as EXPLAINED_AS texts, or as the limit where that is less.
        """
        items = min(EXPLAINED_AS, self._admission.limit)
        try:
            async with asyncio.timeout(self._deadline):
                return [await self.call(partial(self._explain, text), items=items) for text in texts]
        except TimeoutError:
            raise expired() from None

    async def check(self) -> None:
        """The predictor's self-test, on the same thread and in turn, so that it also shows that the queue moves.

        Raises NotReady where the batcher is closed, and whatever the self-test raises.
        """
        await self.call(self._predictor.check)

    async def call(self, work: Callable[[], T], *, items: int = 0) -> T:
        """The result of anything else that only the worker's thread may do; calls and batches take turns.

        It counts as `items` texts. Raises as `predict` does, and whatever `work` raises.
        """
        self._admission.admit(items)
        future: Future[T] = Future()
        # Called exactly once, when the work is done or is cancelled before its turn: a cancelled caller alone does not
        # free the place of work that the thread still does.
        future.add_done_callback(lambda _: self._admission.release(items))
        try:
            self._start(lambda: self._calls.append((future, lambda: _run(future, work))))  # type: ignore[arg-type]
        except BaseException:
            future.cancel()
            raise
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if self._closed and not _being_cancelled():
                raise _not_ready() from None
            raise

    async def aclose(self) -> None:
        """Refuse new work, drop what waits (its callers get NotReady) and wait for what is in work."""
        with self._lock:
            self._closed = True
            jobs, calls = self._queue.clear(), list(self._calls)
            self._calls.clear()
        for job in jobs:
            job.refuse(_not_ready())
        for future, _ in calls:
            future.cancel()
        await asyncio.to_thread(self._worker.shutdown)

    def _enqueue(self, job: Job) -> None:
        self._admission.admit(len(job.texts))
        try:
            self._start(lambda: self._queue.add(job))
        except BaseException:
            self._drop(job)
            raise

    def _start(self, add: Callable[[], None]) -> None:
        """Add something to what waits, and wake the worker where it rests."""
        with self._lock:
            if self._closed:
                raise _not_ready()
            add()
            if not self._running:
                self._worker.submit(self._work)
                self._running = True

    def _drop(self, job: Job) -> None:
        """A caller has left: what of its texts was not begun is never computed."""
        with self._lock:
            left = self._queue.remove(job)
        self._admission.release(left)

    def _work(self) -> None:
        """In the worker's thread: compute until nothing waits."""
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
            _fail(parts, fault)
            raise
        finally:
            size = sum(part.size for part in parts)
            self._admission.release(size)
            _settle(part.job for part in parts)
        self._on_batch(size)

    def _predict(self, parts: Sequence[Part]) -> None:
        try:
            self._answer(parts)
        except Exception as fault:
            if len(parts) == 1:
                _log.exception("The predictor failed on %d texts of one request", parts[0].size)
                _fail(parts, fault)
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

    def _explain(self, text: str) -> Prediction:
        try:
            return self._predictor.explain(text)
        except Exception as fault:
            _log.exception("The predictor failed to explain a text")
            raise _failed() from fault

    def _bury(self) -> None:
        with self._lock:
            self._running = False
            jobs, calls = self._queue.clear(), list(self._calls)
            self._calls.clear()
        for job in jobs:
            job.fault = job.fault or _failed()
        _settle(jobs)
        for future, _ in calls:
            future.cancel()


def _run(future: Future[T], work: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)


def _settle(jobs: Iterable[Job]) -> None:
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


def _fail(parts: Sequence[Part], fault: BaseException) -> None:
    for part in parts:
        part.job.fault = _failed()
        part.job.fault.__cause__ = fault


def _failed() -> InferenceFailed:
    return InferenceFailed("The prediction failed; the server has logged the fault.")


def _not_ready() -> NotReady:
    return NotReady("The service is shutting down and takes no more texts.", headers={"Retry-After": "5"})


def _being_cancelled() -> bool:
    """Whether the current task itself was cancelled, and not only the future that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
