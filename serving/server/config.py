"""uvicorn's configuration, from the settings."""

import uvicorn

from serving import process
from serving.process import collect_seldom, switch_every
from serving.server.undelivered import Undelivered
from serving.settings import GRACE, Settings

# Heroku's router keeps idle connections for 90 seconds.
KEEP_ALIVE = 95
START_LIMIT = 60

# Seconds. At ten times as long, 6% fewer predictions: the loop has Python to run all the time.
SWITCH_INTERVAL = 0.00005


class ServerConfig(uvicorn.Config):
    """uvicorn's configuration, which is also carried to each worker, and what the connections of one share."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.undelivered = settings, Undelivered()
        super().__init__(
            "serving.web.app:create_app",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            http="serving.server.refusing_protocol:RefusingProtocol",
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
        process.map_large()
        super().load()
        collect_seldom()
