import asyncio
import socket
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any

import pytest
import uvloop

from serving.listening import Server
from serving.server import ServerConfig
from serving.settings import Settings

NEW = 200

Run = Callable[[Coroutine[Any, Any, int]], int]


def server() -> Server:
    config = ServerConfig(Settings(host="127.0.0.1", port=0))
    config.load()
    server = Server(config)
    server.lifespan = config.lifespan_class(config)
    return server


async def turns_until_all_are_taken(server: Server) -> int:
    """Of the event loop, for NEW connections that come together."""
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    turns = 0
    with ExitStack() as clients:
        for _ in range(NEW):
            clients.enter_context(socket.create_connection(("127.0.0.1", port)))
        while len(server.server_state.connections) < NEW:
            await asyncio.sleep(0)
            turns += 1
            assert turns < 10_000
    await server.shutdown()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    return turns


@pytest.mark.usefixtures("small_bundle")
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_new_connections_do_not_wait_for_a_turn_each(run: Run) -> None:
    assert run(turns_until_all_are_taken(server())) < NEW // 4
