"""Helpers for tests of what waits for a predictor."""

import asyncio
from collections.abc import Sequence

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
    """Answers each text with itself. Notes its batches, and fails where one of them holds what `refused` says."""

    def __init__(self, refused: str = "never") -> None:
        super().__init__()
        self.batches: list[list[str]] = []
        self.refused = refused

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        self.started.set()
        assert self.gate.wait(timeout=10)
        self.batches.append(list(texts))
        if self.refused in texts:
            raise ValueError("cannot bear it")
        return [Prediction(text, 1.0, {text: 1.0}, truncated=False) for text in texts]


async def held(predictor: FakePredictor, batcher: Batcher) -> asyncio.Task[list[Prediction]]:
    """A first call that is in work until the gate opens, so that others gather."""
    predictor.gate.clear()
    first = asyncio.create_task(batcher.predict(["first"]))
    await started(predictor)
    return first
