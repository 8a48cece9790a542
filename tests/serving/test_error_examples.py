"""Each example is what the service says, with default settings."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.batching import Batcher
from serving.error_examples import EXAMPLES
from serving.errors import NotReady, Overloaded
from tests.serving.fakes import FakePredictor

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CUT_OFF = b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\ngood\r\n--b'
SENT: dict[str, dict[str, Any]] = {
    "not_json": {"content": b'{"text": ', "headers": JSON},
    "json_too_deep": {"content": b"[" * 100_000, "headers": JSON},
    "not_utf8": {"content": b"text=%FF", "headers": FORM},
    "malformed_form": {"content": CUT_OFF, "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
    "body_too_large": {"content": b" " * 2_000_000, "headers": JSON},
    "unsupported_media_type": {"content": b"good", "headers": {"Content-Type": "text/plain"}},
    "unsupported_charset": {"content": b"", "headers": {"Content-Type": f"{FORM['Content-Type']}; charset=latin-1"}},
    "unsupported_content_encoding": {"content": b"", "headers": {**JSON, "Content-Encoding": "gzip"}},
    "not_an_object": {"json": ["good"]},
    "unknown_key": {"json": {"tweet": "good"}},
    "text_missing": {"json": {}},
    "text_repeated": {"data": {"text": ["good", "bad"]}},
    "text_and_texts": {"json": {"text": "good", "texts": ["bad"]}},
    "text_not_string": {"json": {"text": 7}},
    "text_blank": {"json": {"text": " "}},
    "text_too_long": {"json": {"text": "x" * 12_345}},
    "text_not_unicode": {"content": rb'{"text": "good \ud83d"}', "headers": JSON},
    "texts_not_array": {"json": {"texts": "good"}},
    "texts_empty": {"json": {"texts": []}},
    "too_many_texts": {"json": {"texts": ["good"] * 300}},
    "explain_not_boolean": {"json": {"text": "good", "explain": "yes"}},
    "explain_repeated": {"data": {"text": "good", "explain": ["on", "on"]}},
    "too_many_to_explain": {"json": {"texts": ["good"] * 20, "explain": True}},
}
PROVOKED = [(status, code) for status, codes in EXAMPLES.items() for code in codes if code in SENT]


def test_the_others_have_tests_of_their_own() -> None:
    others = {"unauthorized", "internal_error", "overloaded", "not_ready"}
    assert {code for codes in EXAMPLES.values() for code in codes} == {*SENT, *others}


@pytest.mark.parametrize(("status", "code"), PROVOKED, ids=[code for _, code in PROVOKED])
def test_a_refusal(client: TestClient, status: int, code: str) -> None:
    answer = client.post("/predict", **SENT[code])
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"] == EXAMPLES[status][code]


def test_unauthorized(make_client: Callable[..., TestClient]) -> None:
    answer = make_client(api_keys="first-key-of-sixteen").get("/model")
    assert answer.json()["detail"] == EXAMPLES[401]["unauthorized"]


def test_internal_error(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr("serving.routes.predict.PredictionsAnswer.of", fail)
    answer = client.post("/predict", data={"text": "good"})
    assert (answer.status_code, answer.json()["detail"]) == (500, EXAMPLES[500]["internal_error"])


@pytest.mark.anyio
async def test_overloaded_and_not_ready() -> None:
    batcher = Batcher(FakePredictor(), limit=1024)
    with pytest.raises(Overloaded) as refused:
        await batcher.predict(["good"] * 1025)
    assert refused.value.detail.partition(":")[0] == EXAMPLES[503]["overloaded"].partition(":")[0]
    await batcher.aclose()
    with pytest.raises(NotReady) as closed:
        await batcher.predict(["good"])
    assert closed.value.detail == EXAMPLES[503]["not_ready"]
