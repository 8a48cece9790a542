import json
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from benchmarks.feedback import Turns, correcting, report
from benchmarks.serving.client import Tally
from tests.faults.processes import wait_until

RECEIVED: list[str] = []


class Handler(BaseHTTPRequestHandler):
    """Takes corrections, and refuses every third."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        RECEIVED.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
        self.send_response(503 if len(RECEIVED) % 3 == 0 else 201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_each_correction_is_another_and_is_counted(port: int) -> None:
    statuses: Counter[int] = Counter()
    for turn in (1, 2):
        with correcting(port, statuses):
            wait_until(lambda turn=turn: statuses.total() >= 3 * turn)  # type: ignore[misc]
    assert len(set(RECEIVED)) == len(RECEIVED) == statuses.total()
    assert statuses[503] == len(RECEIVED) // 3


def test_the_report() -> None:
    alone = Turns([Tally([0.001] * 98 + [0.01] * 2), Tally([0.001], unsent=1)])
    beside = Turns([Tally([0.002] * 98 + [0.02] * 2, [0.1], lost=1, wrong=2)], Counter({201: 7, 503: 1}))
    lines = report(1000, {"alone": alone, "with corrections": beside}).splitlines()
    assert lines[0] == "It can bear 1,000 requests a second; sent were 500."
    assert lines[-2] == "| alone | 101 | 1.0 ms | 10.0 ms | 1.00 | 0 | 1 | 0 | none |"
    assert lines[-1] == "| with corrections | 100 | 2.0 ms | 20.0 ms | 2.00 | 1 | 1 | 2 | 7 x 201, 1 x 503 |"
