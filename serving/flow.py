"""Whether a connection is read from."""

import asyncio
from collections.abc import Sized

from uvicorn.protocols.http.flow_control import FlowControl


class BoundedFlow(FlowControl):
    """uvicorn's flow control, but that nothing more is read while requests wait for the answers of earlier ones.

    uvicorn reads on with each answer, thousands of requests at a time.
    """

    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting
        self._held = False

    def hold(self) -> None:
        """Read nothing more at all."""
        self._held = True
        self.pause_reading()

    def resume_reading(self) -> None:
        if not self._held and not self._waiting:
            super().resume_reading()
