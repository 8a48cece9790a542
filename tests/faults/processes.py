"""The processes of a service, and waiting for what they do."""

import json
import signal
import time
from collections.abc import Callable

from tests.deploy.services import Service

LIMIT = 120  # seconds; more than anything takes on a busy machine

STOPPED = {0, -signal.SIGTERM}  # the statuses of a service that has ended as it was asked to


def workers(service: Service) -> list[int]:
    """The ids of the workers that have started, in order."""
    messages = [json.loads(line)["message"] for line in service.output.splitlines() if line.startswith("{")]
    started = "Started server process ["
    return [int(message[len(started) : -1]) for message in messages if message.startswith(started)]


def wait_until(condition: Callable[[], bool], limit: float = LIMIT) -> None:
    """Wait for a condition. Raises AssertionError where it does not hold within `limit` seconds."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def refuses_connections(service: Service) -> bool:
    """Whether no new connection is taken."""
    try:
        service.connect().close()
    except ConnectionError:
        return True
    return False
