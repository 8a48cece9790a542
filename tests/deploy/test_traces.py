"""Traces as docs/traces.md switches them on: a real service that sends its spans to a collector."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.deploy.documents import blocks
from tests.deploy.services import HOST, ROOT, Service, environment, free_port, http_client, running

TEXT = "WORST SHOW EVER"
PAGE = ROOT / "docs" / "traces.md"
EXIT_LIMIT = 8.0
TIMEOUT = {"OTEL_EXPORTER_OTLP_TIMEOUT": "1"}  # seconds that a collector has; ten unless it is set

Collected = Queue[tuple[str, Span]]
Started = AbstractContextManager[Service]
Start = Callable[..., Started]


@pytest.fixture
def collected() -> Collected:
    """The spans that the collector was sent, each with its service's name."""
    return Queue()


@pytest.fixture
def collector(collected: Collected) -> Iterator[str]:
    """The address of a collector that takes spans by OTLP over HTTP."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            for spans in ExportTraceServiceRequest.FromString(content).resource_spans:
                (name,) = (a.value.string_value for a in spans.resource.attributes if a.key == "service.name")
                for scope in spans.scope_spans:
                    for span in scope.spans:
                        collected.put((name, span))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def start(tmp_path: Path, pristine_bundle: Path) -> Start:
    """Starts a service with the variables that the page exports, and others."""

    def started(endpoint: str, python: str | Path = sys.executable, **variables: str) -> Started:
        port = free_port()
        asked = exported() | {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100"} | variables
        env = environment(**asked, PORT=str(port), MODEL_DIR=str(pristine_bundle), NO_PROXY="*")
        command = [python, "-m", "serving.server"]
        return running(command, port=port, log=tmp_path / "log", cwd=ROOT, env=env)

    return started


def exported() -> dict[str, str]:
    """The variables that the page's first block of shell exports."""
    lines = [line for block in blocks(PAGE, "sh") for line in block.splitlines()]
    assignments = [line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export ")]
    variables = dict(assignments)
    assert set(variables) == {"FASTAPI_OTEL_AUTO_CONFIGURE", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SERVICE_NAME"}
    return variables


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_spans_of_predictions_arrive(start: Start, collector: str, collected: Collected, workers: str) -> None:
    with start(collector, WORKERS=workers) as service, http_client(service) as client:
        for _ in range(3):
            client.post("/predict", data={"text": TEXT}).raise_for_status()
        client.get("/predict", params={"text": TEXT}, headers={"Accept": "text/html"}).raise_for_status()
        version = client.get("/readyz").headers["X-Model-Version"]
        spans = [collected.get(timeout=60) for _ in range(4)]
    with pytest.raises(Empty):
        collected.get_nowait()
    assert {name for name, _ in spans} == {exported()["OTEL_SERVICE_NAME"]}
    assert sorted(span.name for _, span in spans) == ["GET /predict", *["POST /predict"] * 3]
    for _, span in spans:
        values = {attribute.key: attribute.value.string_value for attribute in span.attributes}
        assert values["tweet_sentiment.model_version"] == version
        assert "WORST" not in str(span)


def test_what_waits_to_be_sent_is_sent_before_the_end(start: Start, collector: str, collected: Collected) -> None:
    with start(collector, OTEL_BSP_SCHEDULE_DELAY="3600000") as service, http_client(service) as client:
        client.post("/predict", data={"text": TEXT}).raise_for_status()
        assert collected.empty()
        service.stop()
        service.process.wait(timeout=EXIT_LIMIT)
        _, span = collected.get(timeout=1)
    assert span.name == "POST /predict"


def test_a_collector_that_is_not_there_harms_nobody(start: Start) -> None:
    with start(f"http://{HOST}:{free_port()}", **TIMEOUT) as service, http_client(service) as client:
        for _ in range(20):
            client.post("/predict", data={"text": TEXT}).raise_for_status()
        service.stop()
        service.process.wait(timeout=EXIT_LIMIT)
    assert TEXT not in service.output


LOADED = """
import sys
from starlette.testclient import TestClient
from serving.web.app import create_app
with TestClient(create_app()) as client:
    client.post("/predict", data={"text": "ok"}).raise_for_status()
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))])
"""


def test_nothing_of_it_is_imported_unless_it_is_switched_on(pristine_bundle: Path) -> None:
    def loaded(**variables: str) -> str:
        env = environment(MODEL_DIR=str(pristine_bundle), LOG_LEVEL="critical", **variables)
        command = [sys.executable, "-c", LOADED]
        return subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    assert loaded() == "[]"
    switched_on = exported() | TIMEOUT | {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{HOST}:{free_port()}"}
    assert "opentelemetry.sdk" in loaded(**switched_on)


def test_without_the_packages_the_service_goes_on_and_says_so(start: Start, lean_python: Path) -> None:
    with start(f"http://{HOST}:1", python=lean_python) as service, http_client(service) as client:
        client.post("/predict", data={"text": TEXT}).raise_for_status()
    assert "fastapi[opentelemetry]" in service.output
