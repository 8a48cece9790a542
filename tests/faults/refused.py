"""Whether a service still takes connections."""

import time

from tests.deploy.services import Service


def wait_until_refused(service: Service) -> None:
    """Until no new connection is taken; raises AssertionError where they still are after five seconds."""
    limit = time.monotonic() + 5
    while time.monotonic() < limit:
        try:
            service.connect().close()
        except ConnectionError:
            return
        time.sleep(0.05)
    raise AssertionError("connections are still taken")
