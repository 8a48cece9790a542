"""A listener of the server's own protocols around an app of a test."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp
from uvicorn.server import ServerState

from serving.server.config import ServerConfig
from serving.server.protocol import GuardedProtocol
from serving.settings import Settings


@asynccontextmanager
async def listening(
    app: ASGIApp, protocol: type[GuardedProtocol], lifespan: Mapping[str, Any], **settings: Any
) -> AsyncIterator[tuple[ServerState, int]]:
    """uvicorn's state and the port; `lifespan` is what the app's start would have handed over."""
    config = ServerConfig(Settings(**settings))
    config.load()
    config.loaded_app = app
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(config, state, dict(lifespan)), "127.0.0.1", 0)
    try:
        yield state, server.sockets[0].getsockname()[1]
    finally:
        for connection in list(state.connections):
            connection.transport.abort()
        server.close()


async def all_of(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the connection ends, also by a reset, as where the client still wrote when it was closed."""
    received = b""
    try:
        while chunk := await reader.read(65536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


async def one_of(reader: asyncio.StreamReader) -> bytes:
    """One answer, which says how long it is."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head + await asyncio.wait_for(reader.readexactly(length), 10)


async def emptied(state: ServerState) -> None:
    """Wait until every connection has ended, at the server's side too. Raises TimeoutError where one does not."""
    async with asyncio.timeout(20):
        while state.connections:
            await asyncio.sleep(0.02)
