"""A predictor and an executor that tests hold, break and watch, and waits for what a batcher does."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from serving.batching.batcher import Batcher
from serving.model.types import Prediction
from tests.serving.fakes import FakePredictor


async def started(predictor: FakePredictor) -> None:
    assert await asyncio.to_thread(predictor.started.wait, 5)


async def until(batcher: Batcher, load: int) -> None:
    async with asyncio.timeout(5):
        while batcher.load != load:
            await asyncio.sleep(0.001)


class Death(BaseException):
    """What no `except Exception` stops."""


class Echo(FakePredictor):
    """Answers each text with itself. Notes its batches, and fails as `faults` say where one has a text of theirs."""

    def __init__(self, **faults: BaseException) -> None:
        super().__init__()
        self.batches: list[list[str]] = []
        self.faults = faults

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        self.started.set()
        assert self.gate.wait(timeout=10)
        self.batches.append(list(texts))
        for text in texts:
            if fault := self.faults.get(text):
                raise fault
        return [Prediction(text, 1.0, {text: 1.0}, truncated=False) for text in texts]


class UnwillingExecutor(Executor):
    """One thread that cannot be started while `refuses`."""

    def __init__(self) -> None:
        self.refuses = True
        self._thread = ThreadPoolExecutor(1)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.refuses:
            raise RuntimeError("can't start new thread")
        return self._thread.submit(fn, *args, **kwargs)


async def held(predictor: FakePredictor, batcher: Batcher) -> asyncio.Task[list[Prediction]]:
    """A first call that is in work until the gate opens, so that others gather."""
    predictor.gate.clear()
    first = asyncio.create_task(batcher.predict(["first"]))
    await started(predictor)
    return first
