"""Prepares texts that wait for the predictor, while it computes others."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock

from serving.jobs import Job, Part
from serving.priority import give_way

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
