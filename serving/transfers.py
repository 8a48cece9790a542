"""Files on their way between clients and the service: how many there may be, and which one makes room for another."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

from serving.errors import Overloaded

PACE = 1024
PATIENCE = 30.0
"""A client may fall behind PACE, in bytes a second, by so many seconds: else it would be waited for without end."""

FAIR = 32 * 1024
GRACE = 3.0
"""Where others want its place, a client may fall behind FAIR, in bytes a second, by so many seconds."""

UNSEEN = 1024 * 1024
"""Bytes to a client that the system may take at once and hold: only then does it say again how many are gone."""


class Transfer:
    """One file's way in and its answer's way out: how far its client is behind.

    Only the time counts in which the service waits for the client. What is faster than it must be gives no credit, but
    for UNSEEN: a client that was fast and stops is as far behind as one that was slow.
    """

    def __init__(self) -> None:
        self._behind, self._behind_fair = 0.0, 0.0
        self._since = 0.0
        self._timeout: asyncio.Timeout | None = None
        self._given_up = False

    @property
    def lag(self) -> float:
        """Seconds by which a client that is waited for is behind FAIR; 0 where nobody waits for it."""
        if self._timeout is None or self._timeout.expired():
            return 0.0
        return self._behind_fair + asyncio.get_running_loop().time() - self._since

    def receiving(self) -> AbstractAsyncContextManager[None]:
        """Around a wait for what the client sends. Raises TimeoutError where it is too slow, or too slow for others."""
        return self._waiting(PATIENCE - self._behind)

    def sending(self) -> AbstractAsyncContextManager[None]:
        """Around a wait for the client to read. The least pace of that is what `serving.protocol` looks after."""
        return self._waiting(None)

    @asynccontextmanager
    async def _waiting(self, seconds: float | None) -> AsyncIterator[None]:
        clock = asyncio.get_running_loop().time
        self._since = clock()
        try:
            async with asyncio.timeout(seconds) as self._timeout:
                yield
        finally:
            self._timeout = None
            waited = clock() - self._since
            self._behind, self._behind_fair = self._behind + waited, self._behind_fair + waited
        if self._given_up:  # what was waited for came at the same moment
            raise TimeoutError

    def received(self, size: int) -> None:
        """So many bytes came from the client."""
        self._behind = max(0.0, self._behind - size / PACE)
        self._behind_fair = max(0.0, self._behind_fair - size / FAIR)

    def sent(self, size: int) -> None:
        """So many bytes went to the client, or as far as the system's own memory for them."""
        self._behind_fair = max(-UNSEEN / FAIR, self._behind_fair - size / FAIR)

    def give_up(self) -> None:
        """Wait no longer for the client, which is waited for now."""
        assert self._timeout is not None
        self._given_up = True
        self._timeout.reschedule(asyncio.get_running_loop().time())


class Transfers:
    """The files that are on disk, from their first byte to the last one of their answer: at most `limit`.

    Slow clients may hold every place, but none that another client wants. Of the `turns`, whose number is `at_once`, a
    file holds one while some of its rows are predicted, and none while the service waits for its client.
    """

    def __init__(self, limit: int, at_once: int) -> None:
        self._limit = limit
        self._under_way: set[Transfer] = set()
        self.turns = asyncio.Semaphore(at_once)

    @contextmanager
    def begin(self) -> Iterator[Transfer]:
        """A place, until the block ends. Where none is free, the slowest client is given up; else raises Overloaded."""
        if len(self._under_way) >= self._limit:
            self._make_room()
        transfer = Transfer()
        self._under_way.add(transfer)
        try:
            yield transfer
        finally:
            self._under_way.discard(transfer)

    def _make_room(self) -> None:
        slowest = max(self._under_way, key=lambda transfer: transfer.lag)
        if slowest.lag < GRACE:
            raise Overloaded(
                f"The service is at work on {self._limit:,} files, the most that it takes at once. Try again shortly.",
                headers={"Retry-After": "5"},
            )
        self._under_way.discard(slowest)
        slowest.give_up()
