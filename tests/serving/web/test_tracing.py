from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from starlette.testclient import TestClient

from serving.settings import Settings
from serving.web.app import create_app
from serving.web.tracing import SWITCH, TracedApp
from tests.serving.conftest import BROWSER
from tests.serving.fakes import FakePredictor

SECRET = "aunt Ada's good cake"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(exporter: InMemorySpanExporter, predictor: FakePredictor) -> TestClient:
    """A client of a service whose spans stay in memory."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = create_app(Settings(), predictor, provider)
    return TestClient(app, follow_redirects=False, raise_server_exceptions=False)


def get(path: str, **headers: str) -> Callable[[TestClient], int]:
    return lambda client: client.get(path, headers=headers).status_code


def post(path: str, **body: object) -> Callable[[TestClient], int]:
    return lambda client: client.post(path, **body).status_code  # type: ignore[arg-type]


FILE = ("tweets.csv", f"id,text\n1,{SECRET}\n".encode(), "text/csv")
REQUESTS = [
    (post("/predict", data={"text": SECRET}), 200, "POST /predict"),
    (post("/predict", json={"text": SECRET}), 200, "POST /predict"),
    (post("/predict", json={"texts": [SECRET, ""]}), 422, "POST /predict"),
    (post("/predict", data={"text": SECRET}, headers={"Accept": BROWSER}), 200, "POST /predict"),
    (post(f"/predict?note={SECRET}", json={"text": SECRET}), 200, "POST /predict"),
    (get(f"/predict?text={SECRET}", Accept=BROWSER), 200, "GET /predict"),
    (get(f"/predict/?text={SECRET}"), 308, "GET /predict/"),
    (post("/predict/file", files={"file": FILE}), 200, "POST /predict/file"),
    (get(f"/static/{SECRET}"), 404, "GET /static/{path}"),
    (get(f"/{SECRET}"), 404, "GET"),
    (get("/model"), 200, "GET /model"),
]


@pytest.mark.parametrize(("request_by", "status", "name"), REQUESTS)
def test_a_request_is_one_span_without_what_its_user_wrote(
    traced: TestClient,
    exporter: InMemorySpanExporter,
    request_by: Callable[[TestClient], int],
    status: int,
    name: str,
) -> None:
    with traced:
        assert request_by(traced) == status
    (span,) = exporter.get_finished_spans()
    assert span.name == name
    assert attributes(span)["http.response.status_code"] == status
    assert attributes(span)["tweet_sentiment.model_version"] == "0123456789ab"
    for word in SECRET.split():
        assert word not in span.to_json()


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def test_all_that_a_span_says(traced: TestClient, exporter: InMemorySpanExporter) -> None:
    with traced:
        traced.post("/predict?lang=en", json={"text": SECRET}, headers={"User-Agent": SECRET, "X-Request-ID": "mine"})
    (span,) = exporter.get_finished_spans()
    assert attributes(span) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.route": "/predict",
        "network.protocol.version": "1.1",
        "server.address": "testserver",
        "server.port": 80,
        "tweet_sentiment.model_version": "0123456789ab",
        "url.path": "/predict",
        "url.scheme": "http",
    }
    assert not span.events


def test_the_handlers_see_the_whole_address(traced: TestClient) -> None:
    with traced:
        page = traced.get("/predict", params={"text": "a good morning"}, headers={"Accept": BROWSER}).text
    assert "a good morning" in page


def test_a_fault_is_marked_and_not_quoted(
    traced: TestClient, exporter: InMemorySpanExporter, predictor: FakePredictor
) -> None:
    with traced:
        predictor.fault = ValueError(SECRET)
        assert traced.post("/predict", json={"text": SECRET}).status_code == 500
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert "Ada" not in span.to_json()


def test_a_callers_trace_goes_on_without_what_else_it_sent(traced: TestClient, exporter: InMemorySpanExporter) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "TraceState": "mine=aunt Ada", "baggage": "mine=Ada"}
    with traced:
        assert traced.post("/predict", json={"text": SECRET}, headers=headers).status_code == 200
    (span,) = exporter.get_finished_spans()
    assert span.context is not None
    assert not span.context.trace_state
    assert "Ada" not in span.to_json()
    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, PARENT)


def test_below_a_path(exporter: InMemorySpanExporter, traced: TestClient) -> None:
    with TestClient(traced.app, root_path="/sent") as client:
        assert client.get("/sent/healthz").status_code == 200
        assert client.post("/sent/predict", json={"text": SECRET}).status_code == 200
    (span,) = exporter.get_finished_spans()
    assert span.name == "POST /sent/predict"


def test_probes_leave_no_spans(traced: TestClient, exporter: InMemorySpanExporter) -> None:
    with traced:
        assert [traced.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]
    assert exporter.get_finished_spans() == ()


def test_only_fastapis_variable_switches_them_on(predictor: FakePredictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    assert not isinstance(create_app(Settings(model_dir=Path("mine")), predictor), TracedApp)
    monkeypatch.setenv(SWITCH, "")
    assert not isinstance(create_app(Settings(model_dir=Path("mine")), predictor), TracedApp)
    monkeypatch.setenv(SWITCH, "TRUE")
    app = create_app(Settings(model_dir=Path("mine")), predictor)
    assert isinstance(app, TracedApp)
    with TestClient(app) as client:  # nobody has said where to
        assert client.get("/predict", params={"text": "a good morning"}, headers={"Accept": BROWSER}).status_code == 200
        assert client.post("/predict", json={"text": "good"}).json()["label"] == "positive"
