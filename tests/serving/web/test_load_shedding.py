import json
import logging
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from serving.batching.admission import Admission
from serving.errors import Overloaded
from serving.web.load_shedding import Refusal, Tally
from serving.web.metrics import Metrics
from tests.serving.conftest import BROWSER
from tests.serving.fakes import FakePredictor


def test_the_first_is_said_at_once_and_the_rest_once_a_second() -> None:
    tally = Tally()
    assert [tally.add(now) for now in (0.0, 0.1, 0.9, 1.0, 1.1, 9.0)] == [1, 0, 0, 3, 0, 2]


@pytest.fixture
def admission() -> Admission:
    return Admission(3)


@pytest.fixture
def metrics(admission: Admission) -> Metrics:
    return Metrics(FakePredictor().metadata, load=lambda: admission.load)


@pytest.fixture
def refusal(admission: Admission, metrics: Metrics) -> Refusal:
    return Refusal(admission, metrics, cross_origin=False)


@pytest.mark.parametrize(
    ("method", "url", "concerned"),
    [
        (b"POST", b"/predict", True),
        (b"POST", b"/predict?from=here", True),
        (b"GET", b"/predict", False),
        (b"POST", b"/predict/csv", False),
        (b"POST", b"/predictions", False),
    ],
)
def test_predictions_alone_are_concerned(refusal: Refusal, method: bytes, url: bytes, concerned: bool) -> None:
    assert refusal.concerns(method, url) is concerned


def test_only_where_no_place_is_left(refusal: Refusal, admission: Admission) -> None:
    assert not refusal.applies([])
    admission.admit(2)
    assert not refusal.applies([])
    admission.admit(1)
    assert refusal.applies([])
    admission.release(1)
    assert not refusal.applies([])


def test_what_was_handed_over_and_waits_for_its_turn_counts(refusal: Refusal) -> None:
    refusal.begun = 2
    assert not refusal.applies([])
    refusal.begun = 3
    assert refusal.applies([])


def test_pages_are_left_to_the_app(refusal: Refusal, admission: Admission) -> None:
    admission.admit(3)
    assert not refusal.applies([(b"accept", BROWSER.encode())])
    assert refusal.applies([(b"accept", b"application/json")])


@pytest.mark.parametrize("cross_origin", [True, False])
def test_other_origins_are_left_to_the_app_where_some_are_allowed(
    admission: Admission, metrics: Metrics, cross_origin: bool
) -> None:
    admission.admit(3)
    refusal = Refusal(admission, metrics, cross_origin=cross_origin)
    assert refusal.applies([(b"origin", b"https://example.org")]) is not cross_origin


@pytest.mark.parametrize("keep_alive", [True, False])
def test_the_answer(refusal: Refusal, admission: Admission, keep_alive: bool) -> None:
    answer = refusal.answer([(b"x-request-id", b"mine")], [(b"date", b"today")], keep_alive=keep_alive)
    head, _, content = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert first == "HTTP/1.1 503 Service Unavailable"
    assert headers["retry-after"] == "1"
    assert headers["x-request-id"] == "mine"
    assert headers["date"] == "today"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers.get("connection") == (None if keep_alive else "close")
    assert int(headers["content-length"]) == len(content)
    assert json.loads(content) == {"detail": admission.refused().detail, "code": "overloaded", "request_id": "mine"}


def test_what_the_server_puts_into_every_answer_is_never_a_second_old(refusal: Refusal) -> None:
    before, after = [(b"date", b"then")], [(b"date", b"now")]
    answers = [refusal.answer([], headers, keep_alive=True) for headers in (before, before, after)]
    assert [b"date: then\r\n" in answer for answer in answers] == [True, True, False]
    assert b"date: now\r\n" in answers[-1]


def test_a_full_queue_says_the_same_to_whom_asks_it(admission: Admission) -> None:
    admission.admit(3)
    with pytest.raises(Overloaded) as caught:
        admission.admit(1)
    assert caught.value.detail == admission.refused().detail


def test_each_is_counted_and_one_a_second_is_warned_of(
    refusal: Refusal, metrics: Metrics, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("serving.web.load_shedding.perf_counter", lambda: clock[0])
    with caplog.at_level(logging.DEBUG, "serving"):
        for clock[0] in (100.0, 100.1, 100.9, 101.1):
            refusal.answer([], [], keep_alive=True)
    assert b'http_requests_total{method="POST",route="/predict",status="503"} 4.0' in metrics.expose("")[0]
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "POST /predict: 1 refused, for the queue was full",
        "POST /predict: 3 refused, for the queue was full",
    ]
    assert [record.levelno for record in caplog.records if record.name == "serving.requests"] == [logging.DEBUG] * 4


def test_the_app_itself_answers_alike(make_client: Callable[..., TestClient]) -> None:
    client = make_client()
    service = client.app.state.service  # type: ignore[attr-defined]
    service.admission.admit(service.admission.limit)
    expected = client.post("/predict", data={"text": "a"}, headers={"X-Request-ID": "mine"})
    refusal = Refusal(service.admission, service.metrics, cross_origin=False)
    head, _, content = refusal.answer([(b"x-request-id", b"mine")], [], keep_alive=True).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % expected.status_code)
    assert dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:]) == dict(expected.headers)
    assert content == expected.content
