"""A request's body, read within its limits."""

import asyncio
import re
from collections.abc import Coroutine, Generator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from serving.errors import BodyTooLarge, BodyTooSlow, Overloaded
from serving.web.requests.headers import first

BUDGET = 32 * 1024 * 1024

FREE = 32 * 1024
"""Bytes of each body that are not counted: a request of usual size is never refused for the large ones of others."""


class Budget:
    """At most so many bytes of the bodies that have begun to come and are not whole, over all connections of a process.

    What has come is counted, not what a `Content-Length` says: a client that announces much has taken nothing yet. A
    body that comes whole needs no budget.
    """

    def __init__(self, limit: int = BUDGET) -> None:
        self._limit = limit
        self.taken = 0

    def take(self, size: int) -> None:
        """Count so many bytes more. Raises Overloaded where they do not fit; none of them is then counted."""
        if self.taken + size > self._limit:
            raise Overloaded(
                "The service is receiving as many other large requests as it takes at once. Try again shortly.",
                headers={"Retry-After": "1", "Connection": "close"},
            )
        self.taken += size

    def give_back(self, size: int) -> None:
        self.taken -= size


class Share:
    """What one body takes of a budget, until the block ends."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._taken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._budget.give_back(self._taken)

    def grow_to(self, size: int) -> None:
        """The body has so many bytes by now. Raises Overloaded."""
        more = size - FREE - self._taken
        if more > 0:
            self._budget.take(more)
            self._taken += more


T = TypeVar("T")


async def within(seconds: float | None, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, as under asyncio.timeout, whose timer is set only where the work has to wait.

    Raises TimeoutError where it takes longer than `seconds` (None: no limit), and whatever `work` raises.
    """
    try:
        awaited = work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    async with asyncio.timeout(seconds):
        return await _Rest(work, awaited)


class _Rest(Generic[T]):
    """What is left of a coroutine that was begun and waits for `awaited`."""

    def __init__(self, work: Coroutine[Any, Any, T], awaited: Any) -> None:
        self._work, self._awaited = work, awaited

    def __await__(self) -> Generator[Any, Any, T]:
        awaited = self._awaited
        try:
            while True:
                try:
                    sent = yield awaited
                except BaseException as error:
                    awaited = self._work.throw(error)
                else:
                    awaited = self._work.send(sent)
        except StopIteration as done:
            result: T = done.value
            return result


Bytes = TypeVar("Bytes", bytes, bytearray)

# Longer numbers are left to the count while reading.
_LENGTH = re.compile(r"[0-9]{1,18}")


async def read_body(request: Request, limit: int, seconds: float | None = None, budget: Budget | None = None) -> bytes:
    """The whole body.

    Raises BodyTooLarge as soon as `limit` bytes are passed, by its Content-Length or while reading; BodyTooSlow where
    it is not whole after `seconds`; Overloaded where the budget has no room for it; ClientDisconnect. What the client
    still sends after the first three is not read.
    """
    declared = first(request.scope["headers"], b"content-length")
    if _LENGTH.fullmatch(declared) and int(declared) > limit:
        raise BodyTooLarge(
            f"The body has {int(declared):,} bytes; at most {limit:,} are accepted.", headers={"Connection": "close"}
        )
    try:
        return await within(seconds, _read(request, limit, budget))
    except TimeoutError:
        raise BodyTooSlow(
            f"The body was not whole after {seconds:g} seconds, the most that is waited for it.",
            headers={"Connection": "close"},
        ) from None


async def _read(request: Request, limit: int, budget: Budget | None) -> bytes:
    body, more = _chunk(await request.receive())
    # Nearly all come in one piece, which costs no account.
    return await _read_on(request, body, limit, budget or Budget()) if more else _checked(body, limit)


async def _read_on(request: Request, body: bytes, limit: int, budget: Budget) -> bytes:
    # One array: a list of a client's many small pieces would take many times their size.
    whole, more = bytearray(body), True
    with Share(budget) as share:
        while more:
            _checked(whole, limit)
            share.grow_to(len(whole))
            body, more = _chunk(await request.receive())
            whole += body
    return bytes(_checked(whole, limit))


def _chunk(message: Message) -> tuple[bytes, bool]:
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


def _checked(body: Bytes, limit: int) -> Bytes:
    if len(body) > limit:
        raise BodyTooLarge(
            f"The body is longer than {limit:,} bytes, the most that is accepted.", headers={"Connection": "close"}
        )
    return body
