import asyncio
from contextlib import ExitStack

import pytest

from serving.errors import Overloaded
from serving.transfers import FAIR, PACE, UNSEEN, Transfer, Transfers

pytestmark = pytest.mark.anyio


async def held_up(transfer: Transfer) -> None:
    """A client that does nothing while it is waited for."""
    async with transfer.receiving():
        await asyncio.Event().wait()


async def begun(transfer: Transfer) -> asyncio.Task[None]:
    task = asyncio.create_task(held_up(transfer))
    await asyncio.sleep(0.01)
    return task


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.transfers.GRACE", 0.05)


async def test_places_are_given_back() -> None:
    transfers = Transfers(1, 1)
    for _ in range(2):
        with transfers.begin(), pytest.raises(Overloaded, match="at work on 1 files"), transfers.begin():
            pass


@pytest.mark.usefixtures("short")
async def test_the_slowest_makes_room_and_only_that_one() -> None:
    transfers = Transfers(2, 1)
    with ExitStack() as stack:
        slow = await begun(stack.enter_context(transfers.begin()))
        await asyncio.sleep(0.02)
        other = await begun(stack.enter_context(transfers.begin()))
        await asyncio.sleep(0.06)
        stack.enter_context(transfers.begin())
        with pytest.raises(TimeoutError):
            await slow
        assert not other.done()
        other.cancel()


@pytest.mark.usefixtures("short")
async def test_a_client_that_keeps_up_and_one_that_is_worked_for_stay() -> None:
    transfers = Transfers(2, 1)
    with ExitStack() as stack:
        fast, computed = stack.enter_context(transfers.begin()), stack.enter_context(transfers.begin())
        for _ in range(4):
            async with fast.receiving():
                await asyncio.sleep(0.03)
            fast.received(FAIR)
        waiting = await begun(fast)
        assert computed.lag == 0
        with pytest.raises(Overloaded), transfers.begin():
            pass
        waiting.cancel()


@pytest.mark.usefixtures("short")
async def test_two_that_want_a_place_take_two_places() -> None:
    transfers = Transfers(2, 1)
    with ExitStack() as stack:
        slow = [await begun(stack.enter_context(transfers.begin())) for _ in range(2)]
        await asyncio.sleep(0.06)
        for _ in range(2):
            stack.enter_context(transfers.begin())
        assert [type(error) for error in await asyncio.gather(*slow, return_exceptions=True)] == [TimeoutError] * 2


@pytest.mark.usefixtures("short")
async def test_what_comes_while_its_client_is_given_up_comes_too_late() -> None:
    transfers = Transfers(1, 1)
    came = asyncio.Event()

    async def wait() -> None:
        with transfers.begin() as transfer:
            async with transfer.receiving():
                await came.wait()

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0.06)
    came.set()
    with transfers.begin(), pytest.raises(TimeoutError):
        await waiting


@pytest.mark.usefixtures("short")
async def test_one_that_reads_nothing_makes_room_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is waited for as long as nobody wants its place."""
    monkeypatch.setattr("serving.transfers.PATIENCE", 0.01)
    transfers = Transfers(1, 1)

    async def send() -> None:
        with transfers.begin() as transfer:
            async with transfer.sending():
                await asyncio.Event().wait()

    sending = asyncio.create_task(send())
    await asyncio.sleep(0.06)
    assert not sending.done()
    with transfers.begin(), pytest.raises(TimeoutError):
        await sending


@pytest.mark.usefixtures("short")
async def test_what_the_system_may_hold_is_no_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.transfers.FAIR", 10 * UNSEEN)
    transfers = Transfers(1, 1)
    with transfers.begin() as transfer:
        transfer.sent(10**9)
        async with transfer.sending():
            await asyncio.sleep(0.08)
            assert transfer.lag < 0.05
            with pytest.raises(Overloaded), transfers.begin():
                pass
            await asyncio.sleep(0.08)
            assert transfer.lag > 0.05


async def test_speed_is_no_credit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.transfers.PATIENCE", 0.05)
    transfer = Transfer()
    transfer.received(10**9)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(held_up(transfer), 10)


async def test_waits_add_up_and_bytes_make_up_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.transfers.PATIENCE", 0.2)

    async def wait_for(times: int, size: int) -> None:
        transfer = Transfer()
        for _ in range(times):
            async with transfer.receiving():
                await asyncio.sleep(0.05)
            transfer.received(size)

    await wait_for(8, PACE)
    with pytest.raises(TimeoutError):
        await wait_for(8, 1)
