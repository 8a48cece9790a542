import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.testclient import TestClient

from serving.errors import BodyTooLarge, BodyTooSlow, Overloaded
from serving.web.requests.body import FREE_BYTES, Budget, read_body
from serving.web.requests.headers import JSON


def test_what_is_over_the_limit_is_refused_and_not_counted() -> None:
    budget = Budget(100)
    budget.reserve(60)
    with pytest.raises(Overloaded, match="as many other large requests") as caught:
        budget.reserve(41)
    assert caught.value.headers == {"Retry-After": "1", "Connection": "close"}
    budget.reserve(40)
    budget.release(100)
    assert budget.used == 0


pytestmark = pytest.mark.anyio


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


async def test_reading_stops_at_the_limit() -> None:
    messages: Iterator[dict[str, Any]] = (
        {"type": "http.request", "body": b"x" * 10, "more_body": True} for _ in range(9)
    )

    async def receive() -> dict[str, Any]:
        return next(messages)

    with pytest.raises(BodyTooLarge):
        await read_body(Request({"type": "http", "headers": []}, receive), 25)
    assert len(list(messages)) == 6


async def test_a_slow_body_is_not_waited_for() -> None:
    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(BodyTooSlow, match=r"not whole after 0\.1 seconds") as caught:
        await read_body(Request({"type": "http", "headers": []}, receive), 1000, 0.1)
    assert caught.value.status == 408
    assert caught.value.headers == {"Connection": "close"}


async def test_a_client_that_leaves_while_sending() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnect):
        await read_body(Request({"type": "http", "headers": []}, receive), 1000)


async def test_whoever_cancels_is_heard() -> None:
    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    reading = asyncio.create_task(read_body(Request({"type": "http", "headers": []}, receive), 1000, 30))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


def body_of(*chunks: bytes, then: str = "http.request") -> Request:
    """A request whose body comes in these pieces."""
    messages: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        + [{"type": then, "body": b"", "more_body": False}]
    )

    async def receive() -> dict[str, Any]:
        return next(messages)

    return Request({"type": "http", "headers": []}, receive)


async def test_what_comes_takes_of_the_budget_and_gives_it_back() -> None:
    budget = Budget(100)
    assert (
        await read_body(body_of(b"x" * FREE_BYTES, b"y" * 100), 10**6, budget=budget) == b"x" * FREE_BYTES + b"y" * 100
    )
    for request, error in (
        (body_of(b"x" * FREE_BYTES, b"y" * 101), Overloaded),
        (body_of(b"x" * FREE_BYTES, b"y" * 10, then="http.disconnect"), ClientDisconnect),
        (body_of(b"x" * FREE_BYTES, b"y" * 10, b"z" * 10**6), BodyTooLarge),
    ):
        with pytest.raises(error):
            await read_body(request, 10**6, budget=budget)
        assert budget.used == 0


async def test_bodies_together_take_no_more_than_the_budget() -> None:
    budget = Budget(100)
    stalled = asyncio.Event()

    async def half() -> AsyncIterator[dict[str, Any]]:
        yield {"type": "http.request", "body": b"x" * (FREE_BYTES + 60), "more_body": True}
        await stalled.wait()
        yield {"type": "http.request"}

    messages = half()
    slow = Request({"type": "http", "headers": []}, lambda: anext(messages))
    reading = asyncio.create_task(read_body(slow, 10**6, 30, budget))
    await asyncio.sleep(0.01)
    assert budget.used == 60
    with pytest.raises(Overloaded):
        await read_body(body_of(b"x" * (FREE_BYTES + 41)), 10**6, budget=budget)
    small = body_of(*[b"x"] * 16_384)
    assert len(await read_body(small, 10**6, budget=budget)) == 16_384
    stalled.set()
    assert len(await reading) == FREE_BYTES + 60
    assert budget.used == 0


async def test_a_body_that_comes_whole_is_not_counted() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x" * (FREE_BYTES + 1)}

    request = Request({"type": "http", "headers": []}, receive)
    assert len(await read_body(request, 10**6, budget=Budget(0))) == FREE_BYTES + 1
