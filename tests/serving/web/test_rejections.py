import json
import logging
from http import HTTPStatus

import pytest
from starlette.testclient import TestClient

from serving.web.metrics import Metrics
from serving.web.middleware import SAFE
from serving.web.rejections import MALFORMED, STATE, Rejection, RejectionCount, headers_too_large, too_many_connections
from serving.web.schemas import ErrorAnswer
from tests.serving.fakes import FakePredictor

ALL = [MALFORMED, headers_too_large(16_384), too_many_connections(1000)]


@pytest.mark.parametrize("rejection", ALL, ids=lambda rejection: rejection.code)
def test_as_an_app_and_as_bytes_it_is_the_same_answer(rejection: Rejection) -> None:
    answer = TestClient(rejection).get("/", headers={"X-Request-ID": "mine"})
    head, _, content = rejection.raw([(b"x-request-id", b"mine")], [(b"date", b"today")], {}).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first == f"HTTP/1.1 {answer.status_code} {HTTPStatus(rejection.status).phrase}"
    assert dict(line.split(": ", 1) for line in lines) == dict(answer.headers) | {"date": "today"}
    assert content == answer.content
    assert ErrorAnswer(**json.loads(content)).model_dump_json().encode() == content
    assert set(SAFE) <= set(answer.headers.raw)


def test_the_sentences() -> None:
    assert "16,384 bytes" in headers_too_large(16_384).detail
    assert "1,000 connections" in too_many_connections(1000).detail


def test_an_id_is_made_where_none_was_sent() -> None:
    ids = {json.loads(MALFORMED.raw((), (), {}).partition(b"\r\n\r\n")[2])["request_id"] for _ in range(2)}
    assert len(ids) == 2


def test_each_is_counted_and_one_a_second_is_warned_of(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics(FakePredictor().metadata, load=lambda: 0)
    count, clock = RejectionCount(metrics), [0.0]
    monkeypatch.setattr("serving.web.rejections.perf_counter", lambda: clock[0])
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
