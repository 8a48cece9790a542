"""Ready means that the predictor still gives its known answers and that the queue moves."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from serving.batching.admission import Admission
from serving.batching.queue import Job, expired, failed, not_ready
from serving.batching.worker import Worker
from serving.errors import NotReady
from serving.model.types import Prediction, PredictorLike

T = TypeVar("T")

BATCH_LIMIT = 60
"""A multiple of the texts that the network computes at once (predictor.BATCH), or the last ones cost more."""

DEADLINE = 20.0

EXPLAINED_AS = 32
"""How many texts one text counts as that is to be explained: a tweet's words, each of which is left out once."""

_log = logging.getLogger(__name__)


class Batcher:
    """Runs a predictor in one worker thread, so that the event loop answers other requests meanwhile.

    A text counts in `admission` until the thread is done with it: a caller that has gone away or waited longer than
    the deadline frees its place at once where the work had not begun (it is then never computed), and when the work
    ends where it had. Its batch-mates are answered either way.

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
        self._deadline = deadline
        self._worker = Worker(predictor, self._admission, batch_limit=batch_limit, on_batch=on_batch)

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
            self._worker.call(future, work)
        except BaseException:
            future.cancel()
            raise
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if _being_cancelled():
                raise
            # What waited was dropped: by the end of the service, or by the worker's death.
            raise (not_ready() if self._worker.closed else failed()) from None

    async def aclose(self) -> None:
        """Refuse new work, drop what waits (its callers get NotReady) and wait for what is in work."""
        self._worker.close()
        await asyncio.to_thread(self._worker.join)

    def _enqueue(self, job: Job) -> None:
        self._admission.admit(len(job.texts))
        try:
            self._worker.add(job)
        except BaseException:
            self._drop(job)
            raise

    def _drop(self, job: Job) -> None:
        """A caller has left: what of its texts was not begun is never computed."""
        self._admission.release(self._worker.drop(job))

    def _explain(self, text: str) -> Prediction:
        try:
            return self._predictor.explain(text)
        except Exception as fault:
            _log.exception("The predictor failed to explain a text")
            raise failed() from fault


def _being_cancelled() -> bool:
    """Whether the current task itself was cancelled, and not only the future that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Readiness:
    """The service's self-test. Callers that ask while one runs share it, so that probes cannot pile up work.

    Args:
        batcher: runs the predictor's check in its own turn.
        timeout: seconds that a caller waits for the answer.
    """

    def __init__(self, batcher: Batcher, *, timeout: float = 3.0) -> None:
        self._batcher = batcher
        self._timeout = timeout
        self._test: asyncio.Task[bool] | None = None

    async def confirm(self) -> None:
        """Return where the service is ready. Raises NotReady where the test fails or takes too long."""
        if self._test is None or self._test.done():
            self._test = asyncio.create_task(self._passes())
        try:
            # Shielded: the others who wait for the same test keep it when this caller goes away.
            passed = await asyncio.wait_for(asyncio.shield(self._test), self._timeout)
        except TimeoutError:
            _log.warning("The self-test took longer than %g seconds", self._timeout)
            passed = False
        if not passed:
            raise NotReady("The service cannot answer predictions for now.", headers={"Retry-After": "5"})

    async def _passes(self) -> bool:
        try:
            await self._batcher.check()
        except NotReady:
            return False
        except Exception:
            _log.exception("The self-test failed")
            return False
        return True
