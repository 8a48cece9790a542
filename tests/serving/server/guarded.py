"""A listener of the guarded protocol around an app that answers at once, late, much, or after it has read."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from serving.server.protocol import GuardedProtocol
from tests.serving.server.listener import all_of, listening

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
LARGE = 30_000_000


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    content = "x" * LARGE if scope["path"] == "/large" else "ok"
    if scope["path"] == "/slow":
        await asyncio.sleep(2)
    if scope["path"] == "/read":
        content = str(len(await Request(scope, receive).body()))
    await PlainTextResponse(content)(scope, receive, send)


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[tuple[ServerState, Callable[[], Awaitable[Connection]]]]:
    """uvicorn's state, and what connects to it."""
    async with listening(app, GuardedProtocol, {}, **settings) as (state, port):
        yield state, lambda: asyncio.open_connection("127.0.0.1", port)


async def ended(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the server ends the connection."""
    return await asyncio.wait_for(all_of(reader), 20)
