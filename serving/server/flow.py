"""Whether a connection is read from."""

import asyncio
from collections.abc import Iterator, Sized

from uvicorn.protocols.http.flow_control import FlowControl

PIECE = 1024  # bytes
MANY = 16

# RFC 9112: a head ends with an empty line. Parsers may take a line feed alone for the end of a line.
_ENDS = (b"\n\r\n", b"\n\n")


class BoundedFlow(FlowControl):
    """uvicorn's flow control, but that nothing more is read while requests wait for the answers of earlier ones.

    uvicorn reads on with each answer, thousands of requests at a time. What each of them takes until it is answered is
    a hundred times what it has in bytes, so what came in one go is looked at no further either than to the next ones.

    Args:
        transport: what is read from.
        waiting: the requests whose turn has not come.
    """

    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting
        self._held = False
        self._rest = memoryview(b"")

    @property
    def behind(self) -> bool:
        """Whether something was read that is not looked at yet."""
        return bool(self._rest)

    def hold(self) -> None:
        """Read nothing more at all."""
        self._held = True
        self.pause_reading()

    def resume_reading(self) -> None:
        if not self._held and not self._waiting and not self._rest:
            super().resume_reading()

    def divides(self, data: bytes) -> bool:
        """Whether this may be more requests than are looked at in one go: it is then kept for `pieces`."""
        if len(data) <= PIECE or sum(map(data.count, _ENDS)) <= MANY:
            return False
        self._rest = memoryview(data)
        return True

    def pieces(self) -> Iterator[bytes]:
        """What was kept, for as long as no request waits for its turn."""
        while self._rest and not self._waiting:
            piece, self._rest = self._rest[:PIECE], self._rest[PIECE:]
            yield bytes(piece)
        if not self._transport.is_closing():
            self.resume_reading()

    def forget(self) -> None:
        """Nothing of what was kept will be looked at."""
        self._rest = memoryview(b"")
