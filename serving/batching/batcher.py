"""Dynamic batching of predictions, off the event loop, and the service's readiness test."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from serving.batching.admission import Admission
from serving.batching.queue import Compute, Job
from serving.batching.worker import Worker
from serving.errors import NotReady
from serving.model.predictor import PredictorLike
from serving.model.types import Prediction
from serving.settings import BATCH_LIMIT, DEADLINE

# How many texts one text counts as that is to be explained: a tweet's words, each of which is left out once.
EXPLANATION_WEIGHT = 32

_log = logging.getLogger(__name__)


class Batcher:
    """Runs a predictor in one worker thread, so that the event loop answers other requests meanwhile.

    A batch is whatever waits when the thread is free: nobody waits for a batch to fill. A text counts in `admission`
    until the thread is done with it. A caller that has gone away or waited longer than the deadline frees its place at
    once where the work had not begun (it is then never computed), and when the work ends where it had. Its batch-mates
    are answered either way.

    Args:
        predictor: what computes.
        limit: how much may wait or be in work, as a number or as an admission that several batchers share.
        max_batch_size: texts that one call of the predictor is given, at most.
        deadline: seconds from a call to its answer; after them the caller is refused.
        on_batch: is told the number of texts of each batch of predictions, in the worker's thread.
        executor: runs the worker; one of a single thread of its own by default.
    """

    def __init__(
        self,
        predictor: PredictorLike,
        *,
        limit: int | Admission,
        max_batch_size: int = BATCH_LIMIT,
        deadline: float = DEADLINE,
        on_batch: Callable[[int], None] = lambda _: None,
        executor: Executor | None = None,
    ) -> None:
        self._predictor = predictor
        self._admission = limit if isinstance(limit, Admission) else Admission(limit)
        self.deadline = deadline
        self._on_batch = on_batch
        self._worker = Worker(self._admission, max_batch_size=max_batch_size, executor=executor)

    @property
    def load(self) -> int:
        """Texts that wait or are in work."""
        return self._admission.load

    async def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction a text, in order.

        Raises:
            Overloaded: at once, where the texts do not fit under the limit, and at the deadline.
            NotReady: the batcher is closed, or closes before their turn.
            InferenceFailed: the predictor failed on these texts, which harms no other call.
        """
        if not texts:
            return []
        return await self._run(texts, self._predict)

    async def explain(self, texts: Sequence[str]) -> list[Prediction]:
        """As `predict`, with explanations, each text being work of its own, so that other callers' comes in between.

        A text counts as EXPLANATION_WEIGHT texts, or as the limit where that is less.
        """
        weight = min(EXPLANATION_WEIGHT, self._admission.limit)
        deadline = asyncio.get_running_loop().time() + self.deadline
        explained = [await self._run([text], self._explain, weight=weight, deadline=deadline) for text in texts]
        return [prediction for (prediction,) in explained]

    async def check(self) -> None:
        """The predictor's self-test, on the same thread and in turn, so that it also shows that the queue moves.

        Raises as `predict` does, but that it is admitted at any load.
        """
        await self._run([], self._check)

    async def aclose(self) -> None:
        """Refuse new work, drop what waits (its callers get NotReady) and wait for what is in work."""
        self._worker.close()
        await asyncio.to_thread(self._worker.join)

    async def _run(
        self, texts: Sequence[str], compute: Compute, *, weight: int = 1, deadline: float | None = None
    ) -> list[Prediction]:
        """One job from its admission to its answer. `deadline`: when it ends, by the loop's clock."""
        loop = asyncio.get_running_loop()
        job = Job(texts, compute, loop, weight=weight)
        self._admission.admit(len(texts) * weight)
        timer = loop.call_at(
            loop.time() + self.deadline if deadline is None else deadline, job.expire, self._admission.noun
        )
        try:
            self._worker.add(job)
            return await job.future
        finally:
            timer.cancel()
            # The caller may have left: what of its texts was not started is never computed.
            if job.remaining:
                self._admission.release(self._worker.drop(job))

    def _predict(self, texts: Sequence[str]) -> list[Prediction]:
        predictions = self._predictor.predict(texts)
        self._on_batch(len(texts))
        return predictions

    def _explain(self, texts: Sequence[str]) -> list[Prediction]:
        return [self._predictor.explain(text) for text in texts]

    def _check(self, _: Sequence[str]) -> Sequence[Prediction]:
        self._predictor.check()
        return []


class Readiness:
    """The service's self-test. Callers that ask while one runs share it, so that probes cannot pile up work.

    Ready means that the predictor still gives its known answers and that the queue moves.

    Args:
        batcher: runs the predictor's check in its own turn.
        timeout: seconds that a caller waits for the answer.
    """

    def __init__(self, batcher: Batcher, *, timeout: float = 3.0) -> None:
        self._batcher = batcher
        self._timeout = timeout
        self._test: asyncio.Task[bool] | None = None

    async def confirm(self) -> None:
        """Return where the service is ready.

        Raises:
            NotReady: the test fails or takes too long.
        """
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
