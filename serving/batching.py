"""Predictions off the event loop, with a bound on how much may wait."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Protocol, TypeVar

from serving.errors import InferenceFailed, NotReady, Overloaded
from serving.metadata import Metadata
from serving.predictor import Prediction

T = TypeVar("T")

EXPLAINED_AS = 32
"""How many texts one text counts as that is to be explained: a tweet's words, each of which is left out once."""

_log = logging.getLogger(__name__)


class PredictorLike(Protocol):
    """What the service asks of a predictor. All but `metadata` is only ever called by one thread at a time."""

    @property
    def metadata(self) -> Metadata: ...

    def predict(self, texts: Sequence[str]) -> list[Prediction]: ...

    def explain(self, text: str) -> Prediction: ...

    def check(self) -> None: ...


class Batcher:
    """Runs a predictor in one worker thread, so that the event loop answers other requests meanwhile.

    At most `limit` texts wait or are in work at once, however they are spread over requests. A text counts until the
    thread is done with it: a caller that has gone away frees its place at once where the work had not begun (it is
    then never computed), and when the work ends where it had.
    """

    def __init__(self, predictor: PredictorLike, *, limit: int) -> None:
        self._predictor = predictor
        self._limit = limit
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="inference")
        self._lock = Lock()
        self._load = 0
        self._closed = False

    @property
    def load(self) -> int:
        """Texts that wait or are in work."""
        return self._load

    async def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction a text, in order.

        Raises Overloaded, at once, where the texts do not fit under the limit; NotReady where the batcher is closed or
        closes before their turn; InferenceFailed where the predictor failed, which harms no later call.
        """
        return await self._run(partial(self._predict, texts), items=len(texts))

    async def explain(self, texts: Sequence[str]) -> list[Prediction]:
        """As `predict`, with explanations, each text being work of its own, so that other callers' comes in between.

        A text counts as EXPLAINED_AS texts, or as `limit` where that is less.
        """
        items = min(EXPLAINED_AS, self._limit)
        return [await self._run(partial(self._explain, text), items=items) for text in texts]

    async def check(self) -> None:
        """The predictor's self-test, on the same thread and in turn, so that it also shows that the queue moves.

        Raises NotReady where the batcher is closed, and whatever the self-test raises.
        """
        await self._run(self._predictor.check, items=0)

    async def aclose(self) -> None:
        """Refuse new work, drop what waits (its callers get NotReady) and wait for what is in work."""
        self._closed = True
        await asyncio.to_thread(self._worker.shutdown, cancel_futures=True)

    async def _run(self, work: Callable[[], T], *, items: int) -> T:
        future = self._submit(work, items)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if self._closed and not _being_cancelled():
                raise _not_ready() from None
            raise

    def _submit(self, work: Callable[[], T], items: int) -> Future[T]:
        self._admit(items)
        try:
            future = self._worker.submit(work)
        except BaseException:
            self._release(items)
            raise
        # Called exactly once, when the work is done or is cancelled before its turn: a cancelled caller alone does not
        # free the place of work that the thread still does.
        future.add_done_callback(lambda _: self._release(items))
        return future

    def _admit(self, items: int) -> None:
        if self._closed:
            raise _not_ready()
        with self._lock:
            if self._load + items > self._limit:
                raise Overloaded(
                    f"The queue is full: {self._load:,} texts wait or are in work and {items:,} more were sent; "
                    f"at most {self._limit:,} are accepted at once. Try again shortly.",
                    headers={"Retry-After": "1"},
                )
            self._load += items

    def _release(self, items: int) -> None:
        with self._lock:
            self._load -= items

    def _explain(self, text: str) -> Prediction:
        try:
            return self._predictor.explain(text)
        except Exception as fault:
            _log.exception("The predictor failed to explain a text")
            raise InferenceFailed("The prediction failed; the server has logged the fault.") from fault

    def _predict(self, texts: Sequence[str]) -> list[Prediction]:
        try:
            predictions = self._predictor.predict(texts)
            if len(predictions) != len(texts):
                raise RuntimeError(f"{len(predictions)} predictions for {len(texts)} texts")
        except Exception as fault:
            _log.exception("The predictor failed on a batch of %d texts", len(texts))
            raise InferenceFailed("The prediction failed; the server has logged the fault.") from fault
        return predictions


def _not_ready() -> NotReady:
    return NotReady("The service is shutting down and takes no more texts.", headers={"Retry-After": "5"})


def _being_cancelled() -> bool:
    """Whether the current task itself was cancelled, and not only the future that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
