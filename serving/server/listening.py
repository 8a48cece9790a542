"""The server of one process."""

import asyncio
import logging
import os
import socket
from functools import partial

import uvicorn

LISTENERS = 32
"""New connections that are taken at once: of a thousand that come together under load, the last one waits for some 30
turns of the event loop."""

_log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """uvicorn's, but that new connections do not wait for open ones.

    uvloop takes one new connection in each turn of its loop (libuv's pull request 3696), and the more the open ones
    send, the longer a turn is: under a flood, new ones waited for seconds. So the address has many listeners, each of
    which takes one. asyncio's selector loops take all that there are. Not for several processes on one address: the
    first to wake would take all connections of a burst.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if "uvloop" not in type(asyncio.get_running_loop()).__module__:
            return
        try:
            for listening in [listening for server in self.servers for listening in server.sockets]:
                for _ in range(LISTENERS - 1):
                    self.servers.append(await self._listener(os.dup(listening.fileno())))
        except OSError as error:
            _log.warning("New connections may wait: no more listeners (%s)", error.strerror)

    async def _listener(self, descriptor: int) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(
            partial(self.config.http_protocol_class, self.config, self.server_state, self.lifespan.state),  # type: ignore[call-arg]
            sock=socket.socket(fileno=descriptor),
            backlog=self.config.backlog,
        )
