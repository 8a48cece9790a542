"""A time limit for what a thread asks of a server."""

import socket
from contextlib import suppress
from threading import Lock, Timer
from types import TracebackType
from typing import Self


class TimeLimit:
    """Shuts the sockets of the connections that it watches once the time is up: whoever reads there gets an error.

    libpq bounds the time to connect, and PostgreSQL that of a statement. Neither helps against a server that is paused
    or a machine that is gone: only the socket's other end can end that wait, or this.

    Args:
        seconds: from when the context is entered.

    Attributes:
        is_over: whether the time is up.
    """

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._timer = Timer(seconds, self._end)
        self._timer.daemon = True
        self._sockets: list[socket.socket] = []
        self._lock = Lock()

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for each in self._sockets:
                each.close()
            self._sockets.clear()

    def watch(self, descriptor: int) -> None:
        """Watch a connection, by its socket's descriptor."""
        # A duplicate: the connection may close its own, whose number the next file to be opened gets.
        duplicate = socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM)
        with self._lock:
            self._sockets.append(duplicate)
            if self.is_over:
                _shut(duplicate)

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            for each in self._sockets:
                _shut(each)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # the other end was sooner
        connection.shutdown(socket.SHUT_RDWR)
