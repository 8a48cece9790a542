import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.testclient import TestClient

from serving.errors import BodyTooLarge, BodyTooSlow, Overloaded
from serving.web.requests.body import FREE, Budget, Share, read_body, within
from serving.web.requests.headers import JSON


def test_what_is_over_the_limit_is_refused_and_not_counted() -> None:
    budget = Budget(100)
    budget.take(60)
    with pytest.raises(Overloaded, match="as many other large requests") as caught:
        budget.take(41)
    assert caught.value.headers == {"Retry-After": "1", "Connection": "close"}
    budget.take(40)
    budget.give_back(100)
    assert budget.taken == 0


def test_a_share_grows_and_is_given_back() -> None:
    budget = Budget(100)
    with Share(budget) as share:
        for size, taken in ((FREE, 0), (FREE + 30, 30), (FREE + 30, 30), (FREE + 100, 100)):
            share.grow_to(size)
            assert budget.taken == taken
    assert budget.taken == 0


def test_a_usual_body_needs_none() -> None:
    budget = Budget(0)
    with Share(budget) as share:
        share.grow_to(FREE)
        with pytest.raises(Overloaded):
            share.grow_to(FREE + 1)
    assert budget.taken == 0


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


@pytest.fixture
def small(make_client: Callable[..., TestClient]) -> TestClient:
    return make_client(max_body_bytes=1024)


def test_a_declared_length_is_refused_before_reading(small: TestClient) -> None:
    answer = small.post("/predict", content=b"x" * 1025, headers={"Content-Type": JSON})
    assert answer.status_code == 413
    assert answer.json()["detail"] == "The body has 1,025 bytes; at most 1,024 are accepted."


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "9" * 5000}, {"Content-Length": "10"}])
def test_the_limit_holds_while_reading(small: TestClient, headers: dict[str, str]) -> None:
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 256
            yield b"x" * 256

    answer = small.post("/predict", content=chunks(), headers={"Content-Type": JSON, **headers})
    assert answer.status_code == 413
    assert answer.json()["detail"] == "The body is longer than 1,024 bytes, the most that is accepted."


def test_a_body_at_the_limit_is_read(small: TestClient) -> None:
    body = b'{"text": "good"}'.ljust(1024)
    assert small.post("/predict", content=body, headers={"Content-Type": JSON}).status_code == 200


@pytest.mark.anyio
async def test_reading_stops_at_the_limit() -> None:
    messages: Iterator[dict[str, Any]] = (
        {"type": "http.request", "body": b"x" * 10, "more_body": True} for _ in range(9)
    )

    async def receive() -> dict[str, Any]:
        return next(messages)

    with pytest.raises(BodyTooLarge):
        await read_body(Request({"type": "http", "headers": []}, receive), 25)
    assert len(list(messages)) == 6


@pytest.mark.anyio
async def test_a_slow_body_is_not_waited_for() -> None:
    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(BodyTooSlow, match=r"not whole after 0\.1 seconds") as caught:
        await read_body(Request({"type": "http", "headers": []}, receive), 1000, 0.1)
    assert caught.value.status == 408
    assert caught.value.headers == {"Connection": "close"}


@pytest.mark.anyio
async def test_a_client_that_leaves_while_sending() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnect):
        await read_body(Request({"type": "http", "headers": []}, receive), 1000)


def body_of(*chunks: bytes, then: str = "http.request") -> Request:
    """A request whose body comes in these pieces."""
    messages: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        + [{"type": then, "body": b"", "more_body": False}]
    )

    async def receive() -> dict[str, Any]:
        return next(messages)

    return Request({"type": "http", "headers": []}, receive)


@pytest.mark.anyio
async def test_what_comes_takes_of_the_budget_and_gives_it_back() -> None:
    budget = Budget(100)
    assert await read_body(body_of(b"x" * FREE, b"y" * 100), 10**6, budget=budget) == b"x" * FREE + b"y" * 100
    for request, error in (
        (body_of(b"x" * FREE, b"y" * 101), Overloaded),
        (body_of(b"x" * FREE, b"y" * 10, then="http.disconnect"), ClientDisconnect),
        (body_of(b"x" * FREE, b"y" * 10, b"z" * 10**6), BodyTooLarge),
    ):
        with pytest.raises(error):
            await read_body(request, 10**6, budget=budget)
        assert budget.taken == 0


@pytest.mark.anyio
async def test_bodies_together_take_no_more_than_the_budget() -> None:
    budget = Budget(100)
    stalled = asyncio.Event()

    async def half() -> AsyncIterator[dict[str, Any]]:
        yield {"type": "http.request", "body": b"x" * (FREE + 60), "more_body": True}
        await stalled.wait()
        yield {"type": "http.request"}

    messages = half()
    slow = Request({"type": "http", "headers": []}, lambda: anext(messages))
    reading = asyncio.create_task(read_body(slow, 10**6, 30, budget))
    await asyncio.sleep(0.01)
    assert budget.taken == 60
    with pytest.raises(Overloaded):
        await read_body(body_of(b"x" * (FREE + 41)), 10**6, budget=budget)
    small = body_of(*[b"x"] * 16_384)
    assert len(await read_body(small, 10**6, budget=budget)) == 16_384
    stalled.set()
    assert len(await reading) == FREE + 60
    assert budget.taken == 0


@pytest.mark.anyio
async def test_a_body_that_comes_whole_is_not_counted() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x" * (FREE + 1)}

    request = Request({"type": "http", "headers": []}, receive)
    assert len(await read_body(request, 10**6, budget=Budget(0))) == FREE + 1
