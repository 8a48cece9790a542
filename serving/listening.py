"""The server of one process."""

import asyncio
import os
import socket
from functools import partial

import uvicorn

from serving.refusing_protocol import RefusingProtocol

LISTENERS = 32
"""New connections that are taken at once: of a thousand that come together under load, the last one waits for some 30
turns of the event loop."""


class Server(uvicorn.Server):
    """uvicorn's, but that new connections do not wait for open ones.

    uvloop takes one new connection in each turn of its loop (libuv's pull request 3696), and the more the open ones
    send, the longer a turn is: under a flood, new ones waited for seconds. So the address has many listeners, each of
    which takes one. asyncio's own loops take all that there are.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        if "uvloop" not in type(loop).__module__:
            return
        protocol = partial(RefusingProtocol, self.config, self.server_state, self.lifespan.state)
        for listening in [listening for server in self.servers for listening in server.sockets]:
            for _ in range(LISTENERS - 1):
                again = socket.socket(fileno=os.dup(listening.fileno()))
                self.servers.append(await loop.create_server(protocol, sock=again, backlog=self.config.backlog))
