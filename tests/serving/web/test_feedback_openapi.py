"""Each example of a refusal is what the service says, and each request that is shown works."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.errors import DatabaseError
from serving.web.feedback_openapi import ADD_EXAMPLES, READ_EXAMPLES
from tests.serving.fakes import FakeStore
from tests.serving.web.openapi_examples import as_sent, check_errors, request_examples

KEY = "key-of-the-corrections"
WITH_KEY = {"Authorization": f"Bearer {KEY}"}
SENT = {"text": "not good", "label": "positive", "correct": "negative"}
REFUSED: dict[str, dict[str, Any]] = {
    "cross_site": {"json": SENT, "headers": {"Sec-Fetch-Site": "cross-site"}},
    "not_an_object": {"json": ["good"]},
    "unknown_key": {"json": {"tweet": "good"}},
    "text_missing": {"json": {}},
    "correct_missing": {"json": {"text": "good", "label": "positive"}},
    "correct_repeated": {"data": SENT | {"correct": ["negative", "neutral"]}},
    "text_not_string": {"json": SENT | {"text": 7}},
    "text_blank": {"json": SENT | {"text": " "}},
    "text_too_long": {"json": SENT | {"text": "x" * 12_345}},
    "text_not_unicode": {
        "content": rb'{"text": "good \ud83d", "label": "positive", "correct": "neutral"}',
        "headers": {"Content-Type": "application/json"},
    },
    "note_too_long": {"json": SENT | {"note": "x" * 1001}},
    "correct_unknown": {"json": SENT | {"correct": "great"}},
}
READ = {"limit_invalid": "limit=0", "format_invalid": "format=xml", "invalid_cursor": "after=x"}


@pytest.fixture
def corrected(make_corrected: Callable[..., TestClient]) -> TestClient:
    return make_corrected(feedback_key=KEY)


@pytest.fixture
def schema(corrected: TestClient) -> dict[str, Any]:
    document: dict[str, Any] = corrected.get("/openapi.json").json()
    return document


def test_all_are_tried() -> None:
    assert set(REFUSED) == {*ADD_EXAMPLES[403], *ADD_EXAMPLES[422]}
    assert set(READ) == set(READ_EXAMPLES[422])


@pytest.mark.parametrize("code", REFUSED)
def test_a_refused_correction(corrected: TestClient, code: str) -> None:
    answer = corrected.post("/feedback", **REFUSED[code])
    assert answer.json()["code"] == code
    assert answer.json()["detail"] == ADD_EXAMPLES[answer.status_code][code]


@pytest.mark.parametrize("code", READ)
def test_a_refused_query(corrected: TestClient, code: str) -> None:
    answer = corrected.get(f"/feedback?{READ[code]}", headers=WITH_KEY)
    assert answer.json()["code"] == code
    assert answer.json()["detail"] == READ_EXAMPLES[answer.status_code][code]


def test_others_are_what_is_said(
    corrected: TestClient, make_corrected: Callable[..., TestClient], store: FakeStore
) -> None:
    answers = [
        corrected.get("/feedback"),
        make_corrected().get("/feedback"),
        corrected.delete("/feedback/2c26b46b68ffc68ff99b453c1d304134", headers=WITH_KEY),
    ]
    store.fault = DatabaseError("memory: forgotten")
    answers.append(corrected.get("/feedback", headers=WITH_KEY))
    assert [answer.status_code for answer in answers] == [401, 403, 404, 503]
    for answer in answers:
        assert answer.json()["detail"] == READ_EXAMPLES[answer.status_code][answer.json()["code"]]


def test_the_requests_that_are_shown_work(corrected: TestClient, schema: dict[str, Any]) -> None:
    shown = [example for example in request_examples(schema) if example[0] == "/feedback"]
    for path, method, media_type, name, example in shown:
        answer = corrected.request(method, path, **as_sent(media_type, example["value"]))
        assert answer.status_code == 201, (media_type, name, answer.text)
    assert [(media_type, name) for _, _, media_type, name, _ in shown] == [
        (media_type, name)
        for media_type in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
        for name in ("correction", "whole")
    ]


def test_the_routes_are_described(schema: dict[str, Any], client: TestClient) -> None:
    described = client.get("/openapi.json").json()["paths"]
    assert schema["paths"].keys() - described.keys() == {"/feedback", "/feedback/{id}"}
    add, read = schema["paths"]["/feedback"]["post"], schema["paths"]["/feedback"]["get"]
    assert set(add["responses"]) == {"201", "400", "401", "403", "408", "413", "415", "422", "500", "503"}
    assert set(read["responses"]) == {"200", "401", "403", "422", "500", "503"}
    assert [parameter["name"] for parameter in read["parameters"]] == ["limit", "after", "format"]
    assert set(read["responses"]["200"]["content"]) == {"application/json", "text/csv"}
    assert set(schema["paths"]["/feedback/{id}"]["delete"]["responses"]) == {"204", "401", "403", "404", "500", "503"}
    assert "feedback" in schema["components"]["schemas"]["ReadyAnswer"]["properties"]


def test_every_error_has_an_example(schema: dict[str, Any]) -> None:
    check_errors(schema)
