"""Listening socket: bound before the model is loaded, and told to people once the service answers at it."""

import errno
import logging
import os
import socket

import uvicorn

_log = logging.getLogger(__name__)

_LAST_PORT = 65535
# What somebody on this machine opens where the service listens at all of its addresses.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def bind(host: str, port: int) -> socket.socket:
    """Take a port, at which nothing listens before the service can answer.

    Args:
        host: an address of this machine or a name of it.
        port: 0 for any that is free.

    Raises:
        SystemExit: with status 1 and a sentence, where the port or the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    if os.name == "posix":  # elsewhere it would take the port from whoever has it
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SystemExit(_sentence(host, port, error)) from None
    return listener


def _sentence(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < _LAST_PORT else port - 1
        return f"Port {port} is in use; choose another: make serve PORT={other}"
    return f"The service cannot listen at HOST {host}, PORT {port} ({error.strerror}); choose another of them."


def page_address(listener: socket.socket) -> str:
    """The address of the page for a browser on this machine."""
    host, port, *_ = listener.getsockname()
    host = _LOOPBACK.get(host, host)
    return f"http://[{host}]:{port}/predict" if ":" in host else f"http://{host}:{port}/predict"


class Server(uvicorn.Server):
    """uvicorn's server, which says where the page is as soon as it answers."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Load the app, listen, and say so."""
        await super().startup(sockets)
        for listener in sockets or []:
            _log.info("Ready: open %s", page_address(listener))
