import asyncio

import pytest

from serving.waiting import within

pytestmark = pytest.mark.anyio


async def sleep_twice() -> str:
    await asyncio.sleep(0.01)
    await asyncio.sleep(0)
    return "done"


async def test_work_that_waits() -> None:
    assert await within(5, sleep_twice()) == "done"
    assert await within(None, sleep_twice()) == "done"


async def test_work_that_does_not_wait_sets_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> str:
        return "at once"

    monkeypatch.setattr(asyncio, "timeout", None)
    assert await within(5, work()) == "at once"


async def test_work_that_takes_too_long_is_ended() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    with pytest.raises(TimeoutError):
        await within(0.01, work())
    assert ended


@pytest.mark.parametrize("delay", [None, 0.0, 0.01])
async def test_the_works_own_error(delay: float | None) -> None:
    async def work() -> None:
        if delay is not None:
            await asyncio.sleep(delay)
        raise ValueError("own")

    with pytest.raises(ValueError, match="own"):
        await within(5, work())


async def test_work_may_go_on_after_an_error_that_it_waited_for() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> str:
        try:
            await future
        except ValueError:
            await asyncio.sleep(0)
        return "went on"

    asyncio.get_running_loop().call_soon(future.set_exception, ValueError())
    assert await within(5, work()) == "went on"


async def test_who_cancels_from_without_is_heard() -> None:
    task = asyncio.create_task(within(5, sleep_twice()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
