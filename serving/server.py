"""The process that serves: `python -m serving.server`, which the Procfile and `make serve` start.

uvicorn, with what the settings say and what its command line cannot: connections with limits of their own, metrics
that several workers share, and a model that SIGHUP exchanges without closing a connection.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from serving import descriptors, hangup, logs, memory
from serving.errors import SettingsError
from serving.interpreter import collect_seldom, switch_every
from serving.listening import Server
from serving.refusing_protocol import RefusingProtocol
from serving.settings import GRACE, Settings
from serving.supervisor import Supervisor
from serving.undelivered import Undelivered

# Heroku's router keeps idle connections for 90 seconds.
KEEP_ALIVE = 95
START_LIMIT = 60

# Seconds. At ten times as long, 6% fewer predictions: the loop has Python to run all the time.
SWITCH_INTERVAL = 0.00005

OTHER_FILES = 200
"""What is open beside the connections: listeners, uploads, metrics, what Python itself has."""

_SHARED = "PROMETHEUS_MULTIPROC_DIR"


class ServerConfig(uvicorn.Config):
    """uvicorn's configuration, which is also carried to each worker, and what the connections of one share."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.undelivered = settings, Undelivered()
        super().__init__(
            "serving.app:create_app",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            http=RefusingProtocol,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            forwarded_allow_ips=settings.forwarded_allow_ips,
            limit_concurrency=settings.max_connections,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GRACE,
            timeout_worker_healthcheck=START_LIMIT,
        )

    def load(self) -> None:
        """Called once in each process that serves."""
        switch_every(SWITCH_INTERVAL)
        memory.map_large()
        super().load()
        collect_seldom()


def main() -> None:
    """Serve until a signal ends it. Where it cannot start, the process ends with one sentence on stderr."""
    try:
        settings = Settings.load()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(STARTUP_FAILURE) from None
    logs.configure(settings.log_level)
    # Read by the tokenizer's library: a thread for each core would only take them from the event loop.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    hangup.put_off()
    descriptors.allow(settings.max_connections + OTHER_FILES)
    _serve_by_many(settings) if settings.workers > 1 else _serve_alone(settings)


def _serve_alone(settings: Settings) -> None:
    server = Server(ServerConfig(settings))
    server.run()
    if not server.started:
        raise SystemExit(STARTUP_FAILURE)


def _serve_by_many(settings: Settings) -> None:
    config = ServerConfig(settings)
    # The metrics' library decides by this variable, when it is imported, whether processes share what they count.
    folder = os.environ[_SHARED] = tempfile.mkdtemp(prefix="tweet-sentiment-metrics-")
    try:
        supervisor = Supervisor(config, sockets=[config.bind_socket()])
        supervisor.run()
    finally:
        shutil.rmtree(Path(folder), ignore_errors=True)
    if supervisor.failed:
        raise SystemExit(STARTUP_FAILURE)


if __name__ == "__main__":
    main()
