"""A connection's transport that a client cannot keep, and that brings it the last answer."""

import asyncio
from typing import Any

from serving.server.undelivered import Undelivered

PACE = 1024  # bytes a second
LINGER = 2.0  # seconds
DISCARDED = 16 * 1024 * 1024  # bytes


class GuardedTransport:
    """A transport, but for what it does about slow clients and at its end.

    Where an answer is given before its request was read to the end, the kernel answers what is still sent with a
    reset, and most clients then never see the answer. So `close` says that no more will be written and takes in what
    comes, without keeping any of it, until the client closes, for LINGER seconds and DISCARDED bytes at most (as nginx
    does by lingering_close).

    A transport that is closed waits for the client to read what was written, for ever. This one is aborted where the
    client reads less than PACE.

    Args:
        transport: what does the work; all that is not here is its own.
        patience: seconds in which a client has to read as much as PACE says.
        undelivered: what is told that a client is waited for.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, patience: float, undelivered: Undelivered
    ) -> None:
        self._transport, self._loop, self._patience, self._undelivered = transport, loop, patience, undelivered
        self.write = transport.write  # asked for most, so not by __getattr__
        self.unread = False
        """Whether more may come of a request whose head was whole."""
        self.deaf = False
        """Whether what comes is discarded."""

        self._closed, self._left = False, DISCARDED
        self._watching: asyncio.TimerHandle | None = None
        self._lingering: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self._closed or self._transport.is_closing()

    def close(self) -> None:
        """Close once the client has all that was written, or does not read it, or has sent what it had begun."""
        if self.is_closing():
            return
        self._closed = self.deaf = True
        if self.unread and self._transport.can_write_eof():
            self._linger()
        else:
            self._end()

    def discard(self, data: bytes) -> None:
        """Take in what comes after the end."""
        self._left -= len(data)
        if self._left < 0:
            self._end()

    def watch(self) -> None:
        """From now on the client has to read at PACE what was written."""
        if self._watching is None:
            self._undelivered.add(self._transport)
            self._watch()

    def unwatch(self) -> None:
        """Nothing is left to read that matters, unless the transport is closed, which waits for all of it."""
        if self._watching is not None and not self.is_closing():
            self._watching.cancel()
            self._watching = None
            self._undelivered.remove(self._transport)

    def lost(self) -> None:
        """The connection is no more."""
        self._undelivered.remove(self._transport)
        for timer in (self._watching, self._lingering):
            if timer is not None:
                timer.cancel()

    def _linger(self) -> None:
        try:
            self._transport.write_eof()
        except OSError:  # the client is gone, and the loop has not heard of it yet
            self._end()
            return
        self._transport.resume_reading()
        self._lingering = self._loop.call_later(LINGER, self._end)

    def _end(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self.watch()

    def _watch(self) -> None:
        unread = self._transport.get_write_buffer_size()
        self._watching = self._loop.call_later(self._patience, self._check, unread)

    def _check(self, unread: int) -> None:
        """Give up a client that has read too little of the `unread` bytes that there were."""
        if self._transport.get_write_buffer_size() > unread - PACE * self._patience:
            self._transport.abort()
        else:
            self._watch()
