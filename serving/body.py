"""A request's body, read within its limits."""

import re
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from serving.budget import Budget, Share
from serving.errors import BodyTooLarge, BodyTooSlow
from serving.raw_headers import first
from serving.waiting import within

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
