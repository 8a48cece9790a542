import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from serving.batching.batcher import Batcher
from serving.model.types import Prediction
from serving.process import give_way
from tests.serving.fakes import FakePredictor

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="no niceness of threads elsewhere")


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_a_thread_gives_way_and_the_others_do_not() -> None:
    before = niceness()
    with ThreadPoolExecutor(1, initializer=give_way) as pool:
        assert pool.submit(niceness).result() > before
    assert niceness() == before


def test_in_a_process_that_is_nice_itself_it_gives_way_too() -> None:
    told = "import os, threading; print(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))"
    code = f"from serving.process import give_way; give_way(); {told}"
    done = subprocess.run(
        ["nice", "-n", "7", sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) > min(niceness() + 7, 18)


def test_what_refuses_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setpriority", refuse)
    before = niceness()
    give_way()
    assert niceness() == before


class Watched(FakePredictor):
    """Says how nice the thread is that computes."""

    found: int

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        self.found = niceness()
        return super().predict(texts)


def test_the_thread_that_computes_gives_way_to_the_event_loop() -> None:
    predictor = Watched()

    async def ask() -> int:
        batcher = Batcher(predictor, limit=10)
        await batcher.predict(["a text"])
        await batcher.aclose()
        return niceness()

    assert asyncio.run(ask()) < predictor.found
