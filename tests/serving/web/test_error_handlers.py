from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from serving.errors import NotReady
from tests.serving.conftest import BROWSER

Raiser = Callable[[Exception], TestClient]


@pytest.fixture
def raising(make_app: Callable[..., FastAPI]) -> Raiser:
    """A client of a service whose route /raise raises."""

    def make(error: Exception) -> TestClient:
        app = make_app()

        @app.get("/raise")
        async def fail() -> None:
            raise error

        return TestClient(app)

    return make


def test_nothing_there(client: TestClient) -> None:
    answer = client.get("/no/where%0A")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert answer.json()["detail"] == r"There is nothing at '/no/where\n'."


@pytest.mark.parametrize("host", ["[", "[::1", "a b", "a@b:c", "é"])
@pytest.mark.parametrize("accept", ["*/*", BROWSER])
def test_no_host_is_trusted_or_fatal(client: TestClient, host: str, accept: str) -> None:
    headers = [(b"host", host.encode()), (b"accept", accept.encode())]
    assert client.get("/nowhere", headers=headers).status_code == 404
    assert client.post("/predict", headers=headers).status_code == 415
    assert client.post("/predict/", headers=headers).status_code == 308
    assert client.get("/docs", headers=headers).status_code == 200


def test_nothing_there_for_a_browser(browser: TestClient) -> None:
    answer = browser.get("/<script>")
    assert answer.status_code == 404
    assert "<h1>There is nothing here</h1>" in answer.text
    assert "<title>There is nothing here ·" in answer.text
    assert "There is nothing at &#39;/&lt;script&gt;&#39;." in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/predict", "GET, HEAD, POST"),
        ("PUT", "/healthz", "GET, HEAD"),
        ("OPTIONS", "/model", "GET, HEAD"),
        ("POST", "/openapi.json", "GET, HEAD"),
        ("POST", "/static/style.css", "GET, HEAD"),
    ],
)
def test_another_method(client: TestClient, method: str, path: str, allowed: str) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert answer.json()["code"] == "method_not_allowed"
    assert answer.json()["detail"] == f"'{path}' does not take '{method}'; accepted: {allowed}."
    assert answer.headers["allow"] == allowed


def test_the_unexpected_is_logged_and_not_told(raising: Raiser, caplog: pytest.LogCaptureFixture) -> None:
    answer = raising(ValueError("password")).get("/raise", headers={"X-Request-ID": "mine"})
    assert answer.status_code == 500
    assert answer.json() == {
        "detail": "The server failed to answer; its log has the fault under this request's id.",
        "code": "internal_error",
        "request_id": "mine",
    }
    assert answer.headers["x-request-id"] == "mine"
    record = next(record for record in caplog.records if record.name == "serving.web.error_handlers")
    assert record.getMessage() == "'GET' '/raise': 500 internal_error, request mine"
    assert "password" in str(record.exc_text)


def test_an_expected_failure_is_logged_without_a_traceback(raising: Raiser, caplog: pytest.LogCaptureFixture) -> None:
    assert raising(NotReady("Later.")).get("/raise").status_code == 503
    record = next(record for record in caplog.records if record.name == "serving.web.error_handlers")
    assert record.exc_info is None


def test_the_frameworks_own_errors(raising: Raiser) -> None:
    answer = raising(HTTPException(418, "secret", {"X-More": "kept"})).get("/raise")
    assert answer.status_code == 418
    assert answer.json()["code"] == "bad_request"
    assert answer.json()["detail"] == "I'm a Teapot."
    assert answer.headers["x-more"] == "kept"
    assert raising(HTTPException(502, "secret")).get("/raise").status_code == 500


def test_raised_before_routing(make_app: Callable[..., FastAPI]) -> None:
    app = make_app()

    async def refuse(*_: object) -> None:
        raise NotReady("Later.", headers={"Retry-After": "9"})

    app.user_middleware.insert(-1, Middleware(lambda _: refuse))
    client = TestClient(app)
    answer = client.post("/predict")
    assert (answer.status_code, answer.json()["detail"], answer.headers["retry-after"]) == (503, "Later.", "9")
    page = client.post("/predict", headers={"Accept": BROWSER})
    assert page.status_code == 503
    assert "Later." in page.text


def test_a_client_that_left_gets_nothing(raising: Raiser) -> None:
    client = raising(ClientDisconnect())
    with pytest.raises(AssertionError, match="did not receive any response"):
        client.get("/raise")
    assert 'http_requests_total{method="GET",route="/raise",status="499"} 1.0' in client.get("/metrics").text


def test_a_failure_after_the_answer_began_is_raised_on(make_app: Callable[..., FastAPI]) -> None:
    app = make_app()

    @app.get("/raise")
    async def fail() -> StreamingResponse:
        async def chunks() -> object:
            yield b"x"
            raise ValueError("midway")

        return StreamingResponse(chunks())  # type: ignore[arg-type]

    with pytest.raises(ValueError, match="midway"):
        TestClient(app).get("/raise")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (
            "</textarea><script>alert(1)</script>" + "x" * 50,
            "&lt;/textarea&gt;&lt;script&gt;alert(1)&lt;/script&gt;xxx",
        ),
        ("\n" + "y" * 51, ">\n\nyyy"),
        ("", ">\n</textarea>"),
    ],
)
def test_a_refused_text_stays_in_the_box(make_client: Callable[..., TestClient], text: str, kept: str) -> None:
    client = make_client(max_text_chars=50)
    answer = client.post("/predict", data={"text": text}, headers={"Accept": BROWSER})
    assert answer.status_code == 422
    assert kept in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize(
    ("sent", "title"),
    [
        ({"data": {"text": "x" * 10_001}}, "The text is too long"),
        ({"data": {"text": " "}}, "The text is empty"),
        ({"data": {"other": "x"}}, "There is no text"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, "The request cannot be read"),
        ({"data": {"text": "a", "min_probability": "much"}}, "The text cannot be classified"),
        ({"content": b"x" * 2_000_000, "headers": {"Content-Type": "application/json"}}, "The request is too large"),
    ],
)
def test_a_refused_form_is_titled_in_words(browser: TestClient, sent: dict[str, Any], title: str) -> None:
    page = browser.post("/predict", **sent).text
    assert f"<title>{title} ·" in page
    assert '<form id="classify"' in page


def test_a_refused_file_keeps_the_forms(browser: TestClient) -> None:
    answer = browser.post("/predict/csv", files={"file": b"a,b\none two,three four\n"})
    assert answer.status_code == 422
    assert "<title>The file cannot be used ·" in answer.text
    assert "it is not clear which column" in answer.text
    assert '<input id="files-file"' in answer.text
    assert 'aria-invalid="true"' not in answer.text


def test_a_refused_form_says_when_to_come_back(make_client: Callable[..., TestClient]) -> None:
    client = make_client(queue_limit=5, max_texts=5)
    admission = client.app.state.service.admission  # type: ignore[attr-defined]
    admission.admit(admission.limit)
    answer = client.post("/predict", data={"text": "good"}, headers={"Accept": BROWSER})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_what_no_page_can_hold_is_replaced(browser: TestClient) -> None:
    answer = browser.post("/predict", content=rb'{"text": "a\ud800b"}', headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "\na?b</textarea>" in answer.text


@pytest.mark.parametrize("text", ["Not now", ""], ids=["answered", "refused"])
def test_no_text_is_held_after_its_answer(make_app: Callable[..., FastAPI], text: str) -> None:
    app, scopes = make_app(), list[Scope]()

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await app(scope, receive, send)

    answer = TestClient(watched).post("/predict", json={"text": text})
    assert scopes[-1]["state"] == {"request_id": answer.headers["X-Request-ID"]}, "a server keeps it while it is idle"
