"""One connection of a load that is sent on time, and what came of all of them."""

import asyncio
import re
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast
from urllib.parse import quote_plus

_HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
_END = b"\r\n\r\n"


@lru_cache(maxsize=4096)
def _field(text: str) -> bytes:
    return f"text={quote_plus(text)}+".encode()


@dataclass(slots=True)
class Tally:
    """Seconds by kind of answer; `lost`: no or half an answer; `wrong`: an answer to another text, or no prediction.

    `sent`: requests that were sent; `unsent`: those for which no connection was free.
    """

    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    lost: int = 0
    wrong: int = 0
    sent: int = 0
    unsent: int = 0


class Client(asyncio.Protocol):
    """Asks one thing at a time over one connection, which it puts into `free` when it may ask the next.

    Arguments: where to count; the clients that are free. What asyncio's streams would cost for each request is more
    than what the service does for it.
    """

    def __init__(self, tally: Tally, free: list["Client"]) -> None:
        self._tally, self._free = tally, free
        self._buffer = b""
        self._mark = b""
        self._begin = 0.0
        self.waits = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._free.append(self)

    def ask(self, text: str, number: int) -> None:
        """Send the text with a number, by which its own answer is known."""
        body = b"%s%d" % (_field(text), number)
        self._mark = b' %d","label"' % number
        self._begin, self.waits = time.perf_counter(), True
        self._tally.sent += 1
        assert self._transport is not None
        self._transport.write(b"%s%d\r\n\r\n%s" % (_HEAD, len(body), body))

    def close(self) -> None:
        """An answer that has not come by now is lost."""
        self._tally.lost += self.waits
        self.waits = False
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, content = self._buffer.partition(_END)
        length = _LENGTH.search(head)
        if found and length and len(content) >= int(length[1]):
            self._buffer = b""
            self._count(head, content)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._tally.lost += self.waits
        self.waits = False
        if self in self._free:
            self._free.remove(self)

    def _count(self, head: bytes, content: bytes) -> None:
        seconds, self.waits = time.perf_counter() - self._begin, False
        if b" 503 " in head[:16]:
            self._tally.refused.append(seconds)
        else:
            self._tally.accepted.append(seconds)
            self._tally.wrong += self._mark not in content
        if b"connection: close" not in head:
            self._free.append(self)
