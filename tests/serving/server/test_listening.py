import asyncio
import errno
import socket
import sys
from contextlib import ExitStack

import pytest

from serving.server.config import ServerConfig
from serving.server.listening import Server
from serving.settings import Settings

NEW = 80

pytestmark = pytest.mark.usefixtures("small_bundle", "interpreter_as_before")


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


@pytest.mark.skipif(sys.platform == "win32", reason="its loop takes one connection a turn, and has no other way")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_new_connections_do_not_wait_for_a_turn_each(loop: str) -> None:
    assert pytest.importorskip(loop).run(turns_until_all_are_taken(server())) < NEW // 4


def test_where_no_more_listeners_can_be_had_it_serves_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    uvloop = pytest.importorskip("uvloop")

    def refuse(_: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    async def start_and_stop() -> bool:
        alone = server()
        await alone.startup()
        await alone.shutdown()
        return alone.started

    monkeypatch.setattr("serving.server.listening.os.dup", refuse)
    assert uvloop.run(start_and_stop())
    assert "no more listeners (Too many open files)" in caplog.text
