"""uvicorn's configuration, from the settings."""

import uvicorn

from serving import process
from serving.server.forwarded import ForwardedMiddleware
from serving.settings import GRACE, Settings

KEEP_ALIVE = 95  # seconds; Heroku's router keeps idle connections for 90, and would send a request on a closed one
START_LIMIT = 60  # seconds in which a worker answers its supervisor, also while it imports and loads

# Seconds. At ten times as long, 6% fewer predictions: the loop has Python to run all the time.
SWITCH_INTERVAL = 0.00005


class ServerConfig(uvicorn.Config):
    """uvicorn's configuration, which is also carried to each worker, and the settings for the protocol."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        super().__init__(
            "serving.web.app:create_app",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            http="serving.server.protocol:HTTPProtocol",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            forwarded_allow_ips=settings.forwarded_allow_ips,
            proxy_headers=False,  # ForwardedMiddleware reads them
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GRACE,
            timeout_worker_healthcheck=START_LIMIT,
        )

    def load(self) -> None:
        """Set the process and load the app: called once in each process that serves."""
        process.set_switch_interval(SWITCH_INTERVAL)
        process.map_large_blocks()
        super().load()
        self.loaded_app = ForwardedMiddleware(
            self.loaded_app, self.settings.forwarded_allow_ips, self.settings.root_path
        )
        process.freeze_garbage_collector()
