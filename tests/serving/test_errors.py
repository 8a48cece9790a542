"""Every row of the error table, over HTTP, as JSON and as a page."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

import serving.errors
from serving.errors import RequestError
from tests.serving.conftest import BROWSER
from tests.serving.fakes import FakePredictor

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

TABLE: list[tuple[str, dict[str, Any], int, str]] = [
    ("not JSON", {"content": b"{", "headers": JSON}, 400, "not_json"),
    ("not UTF-8, JSON", {"content": b'"\xff"', "headers": JSON}, 400, "not_utf8"),
    ("not UTF-8, form", {"content": b"text=%FF", "headers": FORM}, 400, "not_utf8"),
    ("nested too deeply", {"content": b"[" * 100_000, "headers": JSON}, 400, "json_too_deep"),
    ("no boundary", {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "malformed_form"),
    ("too large", {"content": b"x" * 300_000, "headers": JSON}, 413, "body_too_large"),
    ("no content type", {"content": b"text=a"}, 415, "unsupported_media_type"),
    ("no body", {}, 415, "unsupported_media_type"),
    ("other type", {"content": b"a", "headers": {"Content-Type": "text/plain"}}, 415, "unsupported_media_type"),
    ("not an object", {"json": []}, 422, "not_an_object"),
    ("missing", {"json": {}}, 422, "text_missing"),
    ("missing in a form", {"content": b"", "headers": FORM}, 422, "text_missing"),
    ("empty", {"data": {"text": ""}}, 422, "text_blank"),
    ("blank", {"json": {"text": "\u2003"}}, 422, "text_blank"),
    ("too long", {"json": {"text": "x" * 51}}, 422, "text_too_long"),
    ("wrong type", {"json": {"text": 1}}, 422, "text_not_string"),
    ("a file", {"files": {"text": b"good"}}, 422, "text_not_string"),
    ("twice", {"data": {"text": ["a", "b"]}}, 422, "text_repeated"),
    ("lone surrogate", {"content": rb'{"text": "\ud800"}', "headers": JSON}, 422, "text_not_unicode"),
    ("both", {"json": {"text": "a", "texts": ["a"]}}, 422, "text_and_texts"),
    ("no texts", {"json": {"texts": []}}, 422, "texts_empty"),
    ("texts of the wrong type", {"json": {"texts": "a"}}, 422, "texts_not_array"),
    ("too many texts", {"json": {"texts": ["a"] * 6}}, 422, "too_many_texts"),
    ("one bad item", {"json": {"texts": ["good", ""]}}, 422, "text_blank"),
    ("explain is a word", {"data": {"text": "a", "explain": "maybe"}}, 422, "explain_not_boolean"),
    ("explain is no boolean", {"json": {"text": "a", "explain": "true"}}, 422, "explain_not_boolean"),
    ("explain twice", {"data": {"text": "a", "explain": ["1", "1"]}}, 422, "explain_repeated"),
    ("too many to explain", {"json": {"texts": ["a"] * 3, "explain": True}}, 422, "too_many_to_explain"),
    ("unknown key", {"json": {"text": "a", "extra": 1}}, 422, "unknown_key"),
    ("unknown key that cannot be encoded", {"content": rb'{"\ud800": 1}', "headers": JSON}, 422, "unknown_key"),
]
IDS = [row[0] for row in TABLE]


@pytest.fixture
def strict(make_client: Callable[..., TestClient]) -> TestClient:
    return make_client(max_text_chars=50, max_texts=5, max_explained=2, max_body_bytes=200_000, queue_limit=5)


@pytest.mark.parametrize(("sent", "status", "code"), [row[1:] for row in TABLE], ids=IDS)
def test_as_json(strict: TestClient, predictor: FakePredictor, sent: dict[str, Any], status: int, code: str) -> None:
    answer = strict.post("/predict", **sent)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["vary"] == "Accept"
    assert set(answer.json()) == {"detail", "code", "request_id"}
    assert answer.json()["code"] == code
    assert answer.json()["detail"].endswith((".", "}."))
    assert predictor.seen == [], "nothing is computed for a request that is refused"


@pytest.mark.parametrize(("sent", "status", "code"), [row[1:] for row in TABLE], ids=IDS)
def test_as_a_page(strict: TestClient, sent: dict[str, Any], status: int, code: str) -> None:  # noqa: ARG001
    answer = strict.post("/predict", **{**sent, "headers": {**sent.get("headers", {}), "Accept": BROWSER}})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["vary"] == "Accept"
    assert 'role="alert"' in answer.text
    assert '<textarea id="text" name="text"' in answer.text


def test_engine_failure(client: TestClient, predictor: FakePredictor) -> None:
    predictor.fault = RuntimeError("weights at 0xdead")
    answer = client.post("/predict", data={"text": "good"})
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert "0xdead" not in answer.text
    predictor.fault = None
    assert client.post("/predict", data={"text": "good"}).status_code == 200


def test_overloaded(make_client: Callable[..., TestClient], predictor: FakePredictor) -> None:
    client = make_client(max_texts=2, queue_limit=2)
    admission = client.app.state.service.admission  # type: ignore[attr-defined]
    admission.admit(2)
    try:
        for sent in ({"text": "good"}, {"texts": ["good", "bad"]}):
            answer = client.post("/predict", json=sent)
            assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
            assert answer.headers["retry-after"] == "1"
        page = client.post("/predict", data={"text": "good"}, headers={"Accept": BROWSER})
        assert page.status_code == 503
        assert "\ngood</textarea>" in page.text, "the user's text is kept"
        assert predictor.seen == []
    finally:
        admission.release(2)
    assert client.post("/predict", json={"text": "good"}).status_code == 200


def test_stopping(client: TestClient) -> None:
    asyncio.run(client.app.state.service.batcher.aclose())  # type: ignore[attr-defined]
    answer = client.post("/predict", json={"text": "good"})
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert answer.headers["retry-after"] == "5"


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = {line.split()[0] for line in (serving.errors.__doc__ or "").splitlines()[2:] if line.startswith("    ")}
    assert {kind.__name__ for kind in RequestError.__subclasses__()} <= drawn
    assert all(kind.code != RequestError.code for kind in RequestError.__subclasses__())
