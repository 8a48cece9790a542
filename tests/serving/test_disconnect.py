import asyncio
import gc
from collections.abc import Awaitable, Callable

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from serving.disconnect import unless_gone

pytestmark = pytest.mark.anyio


def request_that(receive: Callable[[], Awaitable[Message]]) -> Request:
    return Request({"type": "http", "headers": []}, receive)


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def leaves() -> Message:
    await asyncio.sleep(0.01)
    return {"type": "http.disconnect"}


async def test_the_result() -> None:
    assert await unless_gone(request_that(never), asyncio.sleep(0, "result")) == "result"


async def test_the_works_own_error() -> None:
    async def fail() -> None:
        raise ValueError("own")

    with pytest.raises(ValueError, match="own"):
        await unless_gone(request_that(never), fail())


async def test_a_client_that_leaves_ends_the_work() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(ClientDisconnect):
        await unless_gone(request_that(leaves), work())
    await asyncio.wait_for(ended.wait(), 1)


async def test_a_cancelled_handler_ends_the_work() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    handler = asyncio.create_task(unless_gone(request_that(never), work()))
    await asyncio.sleep(0.01)
    handler.cancel()
    with pytest.raises(asyncio.CancelledError):
        await handler
    await asyncio.wait_for(ended.wait(), 1)


async def test_a_watch_that_has_ended_is_freed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.disconnect.PATIENCE", 0)
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        await unless_gone(request_that(never), asyncio.sleep(0.05))
        await asyncio.sleep(0.05)
        gc.collect()
        left = {type(thing).__name__ for thing in gc.garbage}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert "_Watch" not in left, "collections of what thousands of requests leave hold the others up"
