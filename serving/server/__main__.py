"""The server's command: `python -m serving.server`, which the Procfile and `make serve` start.

It is uvicorn with the settings, and with what its command line cannot do: limits on connections, metrics that several
workers share, and a model that SIGHUP exchanges without closing a connection.
"""

import logging
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from socket import socket

from uvicorn.config import STARTUP_FAILURE

from serving import logs, process
from serving.errors import SettingsError
from serving.server.config import ServerConfig
from serving.server.listener import Server, bind, page_address
from serving.server.supervisor import Supervisor
from serving.settings import Settings

OTHER_FILES = 200  # what is open beside the connections: listeners, uploads, metrics, what Python itself has

_SHARED = "PROMETHEUS_MULTIPROC_DIR"

_log = logging.getLogger("serving.server")  # this module is called __main__


def main() -> None:
    """Serve until a signal ends it. Where it cannot start, the process ends with one sentence on stderr."""
    try:
        settings = Settings.load()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(STARTUP_FAILURE) from None
    logs.configure(settings.log_level, settings.log_format)
    # Read by the tokenizer's library: a thread for each core would only take them from the event loop.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    process.block_sighup()
    process.raise_file_limit(settings.max_connections + OTHER_FILES)
    listener = bind(settings.host, settings.port)
    with suppress(KeyboardInterrupt):  # uvicorn raises it again when all is ended
        _serve_by_many(settings, listener) if settings.workers > 1 else _serve_alone(settings, listener)


def _serve_alone(settings: Settings, listener: socket) -> None:
    server = Server(ServerConfig(settings))
    server.run(sockets=[listener])
    if not server.started:
        raise SystemExit(STARTUP_FAILURE)


def _serve_by_many(settings: Settings, listener: socket) -> None:
    config = ServerConfig(settings)
    # The metrics' library decides by this variable, when it is imported, whether processes share what they count.
    folder = os.environ[_SHARED] = tempfile.mkdtemp(prefix="tweet-sentiment-metrics-")
    try:
        supervisor = Supervisor(config, sockets=[listener])
        _log.info("%d workers start: open %s", settings.workers, page_address(listener))
        supervisor.run()
    finally:
        shutil.rmtree(Path(folder), ignore_errors=True)
    if supervisor.failed:
        raise SystemExit(STARTUP_FAILURE)


if __name__ == "__main__":
    main()
