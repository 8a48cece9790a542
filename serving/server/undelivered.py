"""Answers that clients have not read: how much memory they may hold together."""

import asyncio

LIMIT = 32 * 1024 * 1024


class Undelivered:
    """At most `limit` bytes that wait in transports for their clients, over all connections of a process.

    A client may take its time (`transport`), but not together with so many others that the process runs out of
    memory: where the answers become too many, the clients that are waited for the longest are given up, and never the
    one that has just begun to be.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._transports: dict[asyncio.Transport, None] = {}

    def add(self, transport: asyncio.Transport) -> None:
        """From now on what is written to this transport waits for its client."""
        self._transports[transport] = None
        held = sum(each.get_write_buffer_size() for each in self._transports)
        for oldest in list(self._transports)[:-1]:
            if held <= self._limit:
                break
            held -= oldest.get_write_buffer_size()
            self.remove(oldest)
            oldest.abort()

    def remove(self, transport: asyncio.Transport) -> None:
        """The client has read what waited, or is no more; a transport that was not added is none of this."""
        self._transports.pop(transport, None)
