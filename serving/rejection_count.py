"""How often the server answered without the app."""

import logging
from collections import defaultdict
from time import perf_counter

from serving.logs import log_request
from serving.metrics import Metrics
from serving.tally import Tally

ROUTE = "unmatched"

_log = logging.getLogger(__name__)


class RejectionCount:
    """Counts rejections among the requests, though none was routed, and says their number once a second.

    A line for each, which whoever floods the service could fill the log with, there is only at the level debug.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._tallies: defaultdict[str, Tally] = defaultdict(Tally)

    def count(self, request_id: str, method: str, status: int, code: str) -> None:
        self._metrics.refusals(method, ROUTE, status).inc()
        log_request(request_id, method, ROUTE, status, 0.0, logging.DEBUG)
        if number := self._tallies[code].add(perf_counter()):
            _log.warning("%d answered %d before the app: %s", number, status, code)
