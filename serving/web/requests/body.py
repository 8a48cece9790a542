"""Request bodies, read within limits of size, time and memory."""

import asyncio
import re

from starlette.requests import ClientDisconnect, Request

from serving.errors import BodyTooLarge, BodyTooSlow, Overloaded
from serving.web.requests.headers import first

# Of all connections of a process together; much beside the 64 KB that a server buffers of each, little on a small dyno.
BUDGET = 32 * 1024 * 1024

# Bytes of each body that are not counted: a request of usual size is never refused for the large ones of others.
FREE_BYTES = 32 * 1024

# In the request's state, where the server knows that the body has come: no time need be kept, which costs a twelfth of
# what a text costs on the event loop.
BODY_RECEIVED = "body_received"

_CLOSE = {"Connection": "close"}  # or the server would take in the rest of the body

_LENGTH = re.compile(r"[0-9]{1,18}")  # longer numbers are left to the count while reading


class Budget:
    """Memory for bodies that have begun to come and are not complete, over all connections of a process.

    What has come is counted, not what a `Content-Length` says: a client that announces much has taken nothing yet. A
    body that comes in one message needs no budget.

    Args:
        limit: in bytes.
    """

    def __init__(self, limit: int = BUDGET) -> None:
        self._limit = limit
        self.used = 0

    def reserve(self, size: int) -> None:
        """Count so many bytes more.

        Raises:
            Overloaded: they do not fit; none of them is then counted.
        """
        if self.used + size > self._limit:
            raise Overloaded(
                "The service is receiving as many other large requests as it takes at once. Try again shortly.",
                headers={"Retry-After": "1"} | _CLOSE,
            )
        self.used += size

    def release(self, size: int) -> None:
        """Count so many bytes less."""
        self.used -= size


async def read_body(request: Request, limit: int, seconds: float | None = None, budget: Budget | None = None) -> bytes:
    """Read a request's body to its end.

    Args:
        request: its body is not read yet.
        limit: bytes that it may have.
        seconds: that it may take to come; None for any time.
        budget: memory for it, shared with other requests.

    Raises:
        BodyTooLarge: as soon as `limit` is passed, by its Content-Length or while reading.
        BodyTooSlow: it was not complete in time.
        Overloaded: the budget has no room for it.
        ClientDisconnect: the client left. After any of the others nothing more is read from it.
    """
    declared = first(request.scope["headers"], b"content-length")
    if _LENGTH.fullmatch(declared) and int(declared) > limit:
        raise BodyTooLarge(f"The body has {int(declared):,} bytes; at most {limit:,} are accepted.", headers=_CLOSE)
    if BODY_RECEIVED in request.scope.get("state", ()):
        seconds = None
    try:
        if seconds is None:
            body = await _receive_all(request, limit, budget)
        else:
            async with asyncio.timeout(seconds):
                body = await _receive_all(request, limit, budget)
    except TimeoutError:
        raise BodyTooSlow(
            f"The body was not whole after {seconds:g} seconds, the most that is waited for it.", headers=_CLOSE
        ) from None
    _check_size(len(body), limit)
    return body


async def _receive_all(request: Request, limit: int, budget: Budget | None) -> bytes:
    body, more = await _receive(request)
    # Most come in one message, and need no account.
    return await _receive_rest(request, body, limit, budget or Budget()) if more else body


async def _receive_rest(request: Request, first_chunk: bytes, limit: int, budget: Budget) -> bytes:
    # One array: a list of a client's many small chunks would take many times their size.
    body, more, reserved = bytearray(first_chunk), True, 0
    try:
        while more:
            _check_size(len(body), limit)
            growth = max(0, len(body) - FREE_BYTES - reserved)
            budget.reserve(growth)
            reserved += growth
            chunk, more = await _receive(request)
            body += chunk
    finally:
        budget.release(reserved)
    return bytes(body)


async def _receive(request: Request) -> tuple[bytes, bool]:
    """The next chunk of the body, and whether more follow."""
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise BodyTooLarge(f"The body is longer than {limit:,} bytes, the most that is accepted.", headers=_CLOSE)
