"""Each example is what the service says, with default settings."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.testclient import TestClient

from serving.batching.batcher import Batcher
from serving.batching.queue import deadline_exceeded
from serving.errors import BodyTooSlow, HeadersTooLarge, MalformedRequest, NotReady, Overloaded, TooManyConnections
from serving.settings import Settings
from serving.web.files.uploads import receive_upload
from serving.web.openapi import EXAMPLES, FILE_EXAMPLES
from serving.web.requests.body import read_body
from tests.serving.fakes import FakePredictor
from tests.serving.web.openapi_examples import CSV, as_sent, check_errors, request_examples

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CUT_OFF = b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\ngood\r\n--b'
SENT: dict[str, dict[str, Any]] = {
    "not_json": {"content": b'{"text": ', "headers": JSON},
    "json_too_deep": {"content": b"[" * 100_000, "headers": JSON},
    "not_utf8": {"content": b"text=%FF", "headers": FORM},
    "malformed_form": {"content": CUT_OFF, "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
    "field_without_equals": {"content": b"text=R&B", "headers": FORM},
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
    "min_probability_invalid": {"json": {"text": "good", "min_probability": 1.5}},
    "min_probability_repeated": {"data": {"text": "good", "min_probability": ["1", "1"]}},
    "partial_not_boolean": {"json": {"texts": ["good"], "partial": "yes"}},
    "partial_without_texts": {"json": {"text": "good", "partial": True}},
    "too_many_to_explain": {"json": {"texts": ["good"] * 20, "explain": True}},
}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
BAD_FIELD = CUT_OFF.replace(b'"text"', b'"encoding"').replace(b"good", b"\xff")
FILE = b'\r\nContent-Disposition: form-data; name="file"; filename="t.csv"\r\n\r\ntext\r\ngood\r\n--b--\r\n'
FILES_SENT: dict[str, dict[str, Any]] = {
    "malformed_form": SENT["malformed_form"],
    "unsupported_media_type": SENT["unsupported_media_type"],
    "unsupported_charset": {"content": b"", "headers": {"Content-Type": "multipart/form-data; charset=latin-1"}},
    "unsupported_content_encoding": {"content": b"", "headers": {**MULTIPART, "Content-Encoding": "gzip"}},
    "file_missing": {"files": {"other": ("a.csv", CSV)}},
    "file_repeated": {"files": [("file", ("a.csv", CSV)), ("file", ("b.csv", CSV))]},
    "unknown_field": {"files": {"file": ("a.csv", CSV)}, "data": {"text_colum": "text"}},
    "file_unreadable": {"files": {"file": ("a.csv", b"\n")}},
    "file_kind": {"files": {"file": ("a.csv", b"PK\x03\x04")}},
    "not_utf8": {"files": {"file": ("a.csv", b"text\ncaf\xe9\n")}},
    "header_unclear": {"files": {"file": ("a.csv", b"What it was\nred,a b\nblue,c d\ngreen,e f\n")}},
    "header_broken": {
        "files": {"file": ("a.csv", b'"te"xt,n\n' + b"good,1\n" * 5)},
        "data": {"header": "true"},
    },
    "rows_missing": {"files": {"file": ("a.csv", b"text\n")}},
    "text_column_unknown": {"files": {"file": ("a.csv", CSV)}, "data": {"text_column": "tweet"}},
    "text_column_unclear": {"files": {"file": ("a.csv", b"a,b\none two,three four\n")}},
    "unknown_encoding": {"files": {"file": ("a.csv", CSV)}, "data": {"encoding": "klingon"}},
    "unknown_delimiter": {"files": {"file": ("a.csv", CSV)}, "data": {"delimiter": "colon"}},
    "unknown_header": {"files": {"file": ("a.csv", CSV)}, "data": {"header": "perhaps"}},
}
PROVOKED = [(status, code) for status, codes in EXAMPLES.items() for code in codes if code in SENT]


def test_the_others_have_tests_of_their_own() -> None:
    others = {"internal_error", "overloaded", "not_ready", "body_too_slow"}
    assert {code for codes in EXAMPLES.values() for code in codes} == {
        *SENT,
        *others,
        "unauthorized",
        "deadline_exceeded",
    }
    assert {code for codes in FILE_EXAMPLES.values() for code in codes} == {*FILES_SENT, *others, "file_too_large"}


@pytest.mark.parametrize(("status", "code"), PROVOKED, ids=[code for _, code in PROVOKED])
def test_a_refusal(client: TestClient, status: int, code: str) -> None:
    answer = client.post("/predict", **SENT[code])
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"] == EXAMPLES[status][code]


def test_a_field_that_is_not_utf8(client: TestClient) -> None:
    answer = client.post("/predict/file", content=BAD_FIELD + FILE, headers=MULTIPART)
    assert (answer.status_code, answer.json()["code"]) == (400, "not_utf8")
    assert answer.json()["detail"] == FILE_EXAMPLES[400]["not_utf8"]


@pytest.mark.parametrize("code", FILES_SENT)
def test_a_refusal_of_a_file(client: TestClient, code: str) -> None:
    answer = client.post("/predict/file", **FILES_SENT[code])
    assert answer.json()["detail"] == FILE_EXAMPLES[answer.status_code][code]
    assert answer.json()["code"] == code


def test_a_file_too_large(make_client: Callable[..., TestClient]) -> None:
    answer = make_client(max_file_bytes=1024).post("/predict/file", files={"file": ("a.csv", b"text\n" * 1000)})
    assert answer.json()["detail"] == FILE_EXAMPLES[413]["file_too_large"].replace("134,217,728", "1,024")


def test_unauthorized(make_client: Callable[..., TestClient]) -> None:
    answer = make_client(api_keys="first-key-of-sixteen").get("/model")
    assert answer.json()["detail"] == EXAMPLES[401]["unauthorized"]


def test_internal_error(make_app: Callable[..., FastAPI]) -> None:
    app = make_app()

    @app.get("/raise")
    async def fail() -> None:
        raise ValueError

    answer = TestClient(app).get("/raise")
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


@pytest.mark.anyio
async def test_too_slow_and_too_late() -> None:
    assert deadline_exceeded().detail == EXAMPLES[503]["deadline_exceeded"]
    with pytest.raises(BodyTooSlow) as slow:
        await read_body(Request({"type": "http", "headers": []}, asyncio.Event().wait), 100, 0.01)  # type: ignore[arg-type]
    assert slow.value.detail == EXAMPLES[408]["body_too_slow"].replace("10 seconds", "0.01 seconds")


@pytest.mark.anyio
async def test_no_place_for_a_file() -> None:
    request = Request({"type": "http", "headers": [(b"content-type", b"multipart/form-data; boundary=b")]})
    with pytest.raises(Overloaded) as refused:
        async with receive_upload(request, Settings(), asyncio.Semaphore(0)):
            pass
    assert refused.value.detail == FILE_EXAMPLES[503]["overloaded"]


COMMITTED = Path(__file__).parents[3] / "docs" / "openapi.json"


@pytest.fixture
def schema(client: TestClient) -> dict[str, Any]:
    document: dict[str, Any] = client.get("/openapi.json").json()
    return document


def test_the_served_schema_is_the_committed_one(schema: dict[str, Any]) -> None:
    assert schema == json.loads(COMMITTED.read_text("utf-8")), "run: python -m serving openapi > docs/openapi.json"


def test_both_shapes_are_documented(schema: dict[str, Any]) -> None:
    operation = schema["paths"]["/predict"]["post"]
    content = operation["requestBody"]["content"]
    assert set(content) == {"application/json", "application/x-www-form-urlencoded", "multipart/form-data"}
    assert [list(shape["properties"]) for shape in content["application/json"]["schema"]["oneOf"]] == [
        ["text", "explain", "min_probability"],
        ["texts", "explain", "min_probability", "partial"],
    ]
    assert set(operation["responses"]) == {"200", "400", "401", "408", "413", "415", "422", "500", "503"}
    assert set(operation["responses"]["200"]["content"]) == {"application/json", "text/html"}


def test_what_is_answered_without_the_app_is_documented(schema: dict[str, Any]) -> None:
    for rejection in (MalformedRequest(), HeadersTooLarge(16_384), TooManyConnections(1000)):
        assert f"{rejection.status} `{rejection.code}`" in schema["info"]["description"].replace("\n", " ")


def test_every_request_example_works(client: TestClient, schema: dict[str, Any]) -> None:
    tried = []
    for path, method, media_type, name, example in request_examples(schema):
        answer = client.request(method, path, **as_sent(media_type, example["value"]))
        assert answer.status_code == 200, (path, media_type, name, answer.text)
        tried.append((path, media_type, example["summary"]))
    of_one = ["One text", "One text, explained", "One text, with the probability that its label should have"]
    of_several = [
        "Several texts",
        "Several texts, explained",
        "Several texts, of which one is refused",
    ]
    assert tried == [
        *(("/predict", "application/json", summary) for summary in of_one + of_several),
        *(("/predict", "application/x-www-form-urlencoded", summary) for summary in of_one),
        *(("/predict", "multipart/form-data", summary) for summary in of_one),
        ("/predict/file", "multipart/form-data", "A file"),
    ]


def test_every_error_has_an_example(schema: dict[str, Any]) -> None:
    check_errors(schema)
