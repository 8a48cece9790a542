import logging

import pytest
from starlette.testclient import TestClient

from serving.metrics import Metrics
from serving.rejection import STATE
from serving.rejection_count import RejectionCount
from tests.serving.fakes import FakePredictor


def test_each_is_counted_and_one_a_second_is_warned_of(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics(FakePredictor().metadata, load=lambda: 0)
    count, clock = RejectionCount(metrics), [0.0]
    monkeypatch.setattr("serving.rejection_count.perf_counter", lambda: clock[0])
    with caplog.at_level(logging.DEBUG, "serving"):
        for clock[0] in (1.0, 1.1, 1.2, 2.1):
            count.count("mine", "GET", 503, "too_many_connections")
        count.count("mine", "nonsense", 400, "malformed_request")
    shown = metrics.expose("")[0].decode()
    assert 'http_requests_total{method="GET",route="unmatched",status="503"} 4.0' in shown
    assert 'http_requests_total{method="other",route="unmatched",status="400"} 1.0' in shown
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "1 answered 503 before the app: too_many_connections",
        "3 answered 503 before the app: too_many_connections",
        "1 answered 400 before the app: malformed_request",
    ]


def test_the_app_hands_over_its_own(client: TestClient) -> None:
    handed: RejectionCount = client.app_state[STATE]
    handed.count("mine", "GET", 431, "headers_too_large")
    assert 'route="unmatched",status="431"} 1.0' in client.get("/metrics").text
