"""No work for callers who have left."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

PATIENCE = 0.5

T = TypeVar("T")


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled when the client disconnects first.

    Work that is done within PATIENCE (seconds) is never watched, for the watch costs more than the work of a lone text.
    The request's body must have been read. Raises ClientDisconnect, and whatever `work` raises.
    """
    watch = _Watch(request)
    timer = asyncio.get_running_loop().call_later(PATIENCE, watch.begin)
    try:
        return await work
    except asyncio.CancelledError:
        if watch.is_the_cause():
            raise ClientDisconnect from None
        raise
    finally:
        timer.cancel()
        watch.end()


class _Watch:
    """Cancels the task that made it when the client disconnects, in the way of asyncio.timeout."""

    def __init__(self, request: Request) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._request, self._task = request, task
        self._cancelling = task.cancelling()
        self._watching: asyncio.Task[None] | None = None
        self._gone = False

    def begin(self) -> None:
        self._watching = asyncio.ensure_future(self._watch())

    def end(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None  # it refers to this: the two would stay until Python looks for cycles

    def is_the_cause(self) -> bool:
        """Whether the task was cancelled by this and by nobody else."""
        return self._gone and self._task.uncancel() <= self._cancelling

    async def _watch(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._task.cancel()
