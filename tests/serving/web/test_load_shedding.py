import json
import logging
from collections.abc import Callable

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from serving.batching.admission import Admission
from serving.errors import Overloaded
from serving.web.load_shedding import (
    LOAD_SHEDDING,
    LOG_INTERVAL,
    LoadShedding,
    LoadSheddingMiddleware,
    RateLimitedCounter,
    RefusalCounter,
)
from serving.web.metrics import Metrics
from tests.serving.conftest import BROWSER
from tests.serving.fakes import FakePredictor

LIMIT = 3
VERSION = (b"x-model-version", b"0123456789ab")


def test_the_first_is_logged_at_once_and_the_others_once_in_an_interval() -> None:
    counter = RateLimitedCounter()
    times = [LOG_INTERVAL * factor for factor in (0.0, 0.1, 0.9, 1.0, 1.1, 9.0)]
    assert [counter.add(now) for now in times] == [1, 0, 0, 3, 0, 2]


@pytest.fixture
def admission() -> Admission:
    return Admission(LIMIT)


@pytest.fixture
def metrics(admission: Admission) -> Metrics:
    return Metrics(FakePredictor().metadata, load=lambda: admission.load)


@pytest.fixture
def shedding(admission: Admission, metrics: Metrics) -> TestClient:
    """A client of an app that says "app"."""
    refusals = RefusalCounter(metrics)
    app = LoadSheddingMiddleware(PlainTextResponse("app"), LoadShedding(admission, refusals, lambda: VERSION))
    return TestClient(app)


@pytest.mark.parametrize(
    ("method", "url", "refused"),
    [
        ("POST", "/predict", True),
        ("POST", "/predict?from=here", True),
        ("GET", "/predict", False),
        ("POST", "/predict/csv", False),
        ("POST", "/predictions", False),
    ],
)
def test_predictions_alone_are_refused(
    shedding: TestClient, admission: Admission, method: str, url: str, refused: bool
) -> None:
    admission.admit(LIMIT)
    assert shedding.request(method, url).status_code == (503 if refused else 200)


def test_only_where_no_place_is_left(shedding: TestClient, admission: Admission) -> None:
    admission.admit(LIMIT - 1)
    assert shedding.post("/predict").text == "app"
    admission.admit(1)
    assert shedding.post("/predict").status_code == 503
    admission.release(1)
    assert shedding.post("/predict").text == "app"


@pytest.mark.parametrize(("accept", "status"), [(BROWSER, 200), ("application/json", 503)])
def test_pages_are_left_to_the_app(shedding: TestClient, admission: Admission, accept: str, status: int) -> None:
    admission.admit(LIMIT)
    assert shedding.post("/predict", headers={"Accept": accept}).status_code == status


def test_the_answer(shedding: TestClient, admission: Admission) -> None:
    admission.admit(LIMIT)
    answer = shedding.post("/predict", headers={"X-Request-ID": "mine"})
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["x-request-id"] == "mine"
    assert answer.headers["x-model-version"] == "0123456789ab"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json() == {"detail": admission.refused().detail, "code": "overloaded", "request_id": "mine"}
    assert json.loads(shedding.post("/predict").content)["request_id"] != "mine"


def test_a_full_queue_says_the_same_to_whom_asks_it(admission: Admission) -> None:
    admission.admit(LIMIT)
    with pytest.raises(Overloaded) as caught:
        admission.admit(1)
    assert caught.value.detail == admission.refused().detail


def test_each_is_counted_and_one_a_second_is_logged(
    shedding: TestClient, admission: Admission, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    admission.admit(LIMIT)
    with caplog.at_level(logging.DEBUG, "serving"):
        for _ in range(4):
            shedding.post("/predict")
    assert b'http_requests_total{method="POST",route="/predict",status="503"} 4.0' in metrics.expose("")[0]
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings[0] == "1 answered 503 before the app: overloaded"
    assert len(warnings) < 4
    assert [record.levelno for record in caplog.records if record.name == "serving.requests"] == [logging.DEBUG] * 4


def test_the_app_itself_answers_alike(make_client: Callable[..., TestClient]) -> None:
    client = make_client()
    service = client.app.state.service  # type: ignore[attr-defined]
    sent = {"texts": ["a"] * 3}
    service.admission.admit(service.admission.limit - 2)
    expected = client.post("/predict", json=sent, headers={"X-Request-ID": "mine"})
    service.admission.admit(2)
    answer = client.post("/predict", json=sent, headers={"X-Request-ID": "mine"})
    assert answer.status_code == expected.status_code == 503
    assert dict(answer.headers) | {"content-length": ""} == dict(expected.headers) | {"content-length": ""}
    assert answer.json() | {"detail": ""} == expected.json() | {"detail": ""}


def test_pages_of_other_origins_may_read_it(make_client: Callable[..., TestClient]) -> None:
    client = make_client(allowed_origins="https://example.org")
    service = client.app.state.service  # type: ignore[attr-defined]
    service.admission.admit(service.admission.limit)
    answer = client.post("/predict", data={"text": "a"}, headers={"Origin": "https://example.org"})
    assert answer.status_code == 503
    assert answer.headers["access-control-allow-origin"] == "https://example.org"


@pytest.mark.parametrize(("origins", "before_app"), [("", True), ("https://example.org", False)])
def test_the_servers_protocol_is_handed_what_refuses(
    make_client: Callable[..., TestClient], origins: str, before_app: bool
) -> None:
    client = make_client(allowed_origins=origins)
    load_shedding: LoadShedding = client.app_state[LOAD_SHEDDING]
    load_shedding.refusals.count("mine", 431, "headers_too_large")
    assert 'http_requests_total{method="other",route="unmatched",status="431"} 1.0' in client.get("/metrics").text
    assert load_shedding.before_app == before_app
