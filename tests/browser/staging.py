"""A server in this process, so that a test holds what is behind it."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn
from starlette.types import ASGIApp

from tests.deploy.services import HOST, free_port, listening


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """The URL of an app that is served until the end."""
    port = free_port()
    config = uvicorn.Config(app, host=HOST, port=port, log_level="critical", ws="none", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert listening(port, thread.is_alive), "the server did not start"
        yield f"http://{HOST}:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=30)
        assert not thread.is_alive()
