import asyncio
import gc
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect, Request
from starlette.testclient import TestClient
from starlette.types import Message

from serving.model.types import is_blank
from serving.web.routes.predict import run_until_disconnect
from tests.serving.conftest import BROWSER
from tests.serving.fakes import FakePredictor

pytestmark = pytest.mark.anyio


def request_that(receive: Callable[[], Awaitable[Message]]) -> Request:
    return Request({"type": "http", "headers": []}, receive)


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def leaves() -> Message:
    await asyncio.sleep(0.01)
    return {"type": "http.disconnect"}


async def test_the_result() -> None:
    assert await run_until_disconnect(request_that(never), asyncio.sleep(0, "result")) == "result"


async def test_the_works_own_error() -> None:
    async def fail() -> None:
        raise ValueError("own")

    with pytest.raises(ValueError, match="own"):
        await run_until_disconnect(request_that(never), fail())


async def test_a_client_that_leaves_ends_the_work() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(ClientDisconnect):
        await run_until_disconnect(request_that(leaves), work())
    await asyncio.wait_for(ended.wait(), 1)


async def test_a_cancelled_handler_ends_the_work() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    handler = asyncio.create_task(run_until_disconnect(request_that(never), work()))
    await asyncio.sleep(0.01)
    handler.cancel()
    with pytest.raises(asyncio.CancelledError):
        await handler
    await asyncio.wait_for(ended.wait(), 1)


async def test_a_watch_that_has_ended_is_freed_at_once() -> None:
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        await run_until_disconnect(request_that(never), asyncio.sleep(0.05), watch_after=0)
        await asyncio.sleep(0.05)
        gc.collect()
        left = {type(thing).__name__ for thing in gc.garbage}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert "_Watch" not in left, "collections of what thousands of requests leave hold the others up"


ONE = {
    "text": "so good",
    "label": "positive",
    "probability": 0.8,
    "probabilities": {"negative": 0.1, "neutral": 0.1, "positive": 0.8},
    "truncated": False,
    "in_vocabulary": 1.0,
}


@pytest.mark.parametrize(
    "sent", [{"data": {"text": "so good"}}, {"json": {"text": "so good"}}, {"files": {"text": (None, "so good")}}]
)
def test_one_text(client: TestClient, sent: dict[str, object]) -> None:
    answer = client.post("/predict", **sent)  # type: ignore[arg-type]
    assert answer.status_code == 200
    assert answer.headers["vary"] == "Accept"
    assert answer.json() == ONE | {"model_version": "0123456789ab"}
    assert list(answer.json()["probabilities"]) == ["negative", "neutral", "positive"]


def test_several_keep_their_order(client: TestClient) -> None:
    texts = ["so good", "bad", "so good", "x"]
    answer = client.post("/predict", json={"texts": texts}).json()
    assert answer["model_version"] == "0123456789ab"
    assert answer["predictions"][0] == ONE
    assert [item["text"] for item in answer["predictions"]] == texts
    assert [item["label"] for item in answer["predictions"]] == ["positive", "negative", "positive", "neutral"]


def test_a_list_of_one_is_a_list(client: TestClient) -> None:
    assert len(client.post("/predict", json={"texts": ["good"]}).json()["predictions"]) == 1


def test_a_cut_text_says_so(client: TestClient) -> None:
    assert client.post("/predict", json={"text": "word " * 21}).json()["truncated"] is True


def test_a_text_of_which_the_model_knows_little(client: TestClient) -> None:
    assert client.post("/predict", json={"text": "ж good"}).json()["in_vocabulary"] == 0.833333


@pytest.mark.parametrize(("minimum", "uncertain"), [("0.81", True), ("0.8", False), ("0", False), ("1", True)])
def test_a_label_that_should_be_more_probable(client: TestClient, minimum: str, uncertain: bool) -> None:
    form = client.post("/predict", data={"text": "so good", "min_probability": minimum}).json()
    one = client.post("/predict", json={"text": "so good", "min_probability": float(minimum)}).json()
    several = client.post("/predict", json={"texts": ["so good"] * 2, "min_probability": float(minimum)}).json()
    assert form == one == ONE | {"uncertain": uncertain, "model_version": "0123456789ab"}
    assert several["predictions"] == [ONE | {"uncertain": uncertain}] * 2


def test_one_refused_text_of_several(client: TestClient) -> None:
    sent = {"texts": ["", "so good", 7, "\u200b", "x" * 10_001], "partial": True}
    answer = client.post("/predict", json=sent)
    assert answer.status_code == 200
    blank, good, number, invisible, long = answer.json()["predictions"]
    assert good == ONE
    assert blank == {
        "text": "",
        "error": {"detail": "`texts[0]` is empty; accepted is a text with something to read.", "code": "text_blank"},
    }
    assert number == {"error": {"detail": "`texts[2]` is a number; accepted is a string.", "code": "text_not_string"}}
    assert (invisible["text"], invisible["error"]["code"]) == ("\u200b", "text_blank")
    assert (long["text"], long["error"]["code"]) == ("x" * 10_001, "text_too_long")


def test_half_a_character_among_several(client: TestClient) -> None:
    content = rb'{"texts": ["so good", "\ud83d"], "partial": true}'
    answer = client.post("/predict", content=content, headers={"Content-Type": "application/json"})
    good, refused = answer.json()["predictions"]
    assert good == ONE
    assert list(refused) == ["error"]
    assert refused["error"]["code"] == "text_not_unicode"


def test_nothing_but_refused_texts(client: TestClient, predictor: FakePredictor) -> None:
    answer = client.post("/predict", json={"texts": ["", " "], "partial": True, "explain": True})
    assert answer.status_code == 200
    assert [item["error"]["code"] for item in answer.json()["predictions"]] == ["text_blank"] * 2
    assert predictor.seen == []


def test_without_partial_one_refused_text_refuses_all(client: TestClient) -> None:
    answer = client.post("/predict", json={"texts": ["so good", ""]})
    assert answer.status_code == 422
    assert "`texts[1]` is empty" in answer.json()["detail"]
    assert '"partial": true' in answer.json()["detail"]


@pytest.mark.parametrize(
    "sent", [{"data": {"text": "not good", "explain": "on"}}, {"json": {"text": "not good", "explain": True}}]
)
def test_why(client: TestClient, sent: dict[str, Any]) -> None:
    answer = client.post("/predict", **sent).json()
    assert answer["explanation"] == [
        {"word": "not", "start": 0, "end": 3, "weight": -0.05},
        {"word": "good", "start": 4, "end": 8, "weight": 0.7},
    ]
    plain = client.post("/predict", data={"text": "not good"}).json()
    assert answer == plain | {"explanation": answer["explanation"]}
    assert "explanation" not in plain


def test_why_of_several(client: TestClient) -> None:
    sent = {"texts": ["word " * 21, "bad", "?"], "explain": True}
    long, bad, sign = client.post("/predict", json=sent).json()["predictions"]
    assert [word["weight"] for word in long["explanation"]] == [0.0] * 20 + [None]
    assert bad["explanation"] == [{"word": "bad", "start": 0, "end": 3, "weight": 0.7}]
    assert [word["word"] for word in sign["explanation"]] == ["?"]
    assert "explanation" not in client.post("/predict", json={"texts": ["bad"]}).json()["predictions"][0]


def test_the_empty_form(browser: TestClient) -> None:
    answer = browser.get("/predict")
    assert answer.status_code == 200
    assert re.search(r'<textarea id="text"[^>]* maxlength="10000"[^>]* autofocus>\n</textarea>', answer.text)
    assert '<label for="text">' in answer.text
    assert "<code>0123456789ab</code>" in answer.text
    assert "<meter" not in answer.text


def test_an_address_fills_the_box_and_answers_nothing(browser: TestClient, predictor: FakePredictor) -> None:
    page = browser.get("/predict", params={"text": "</textarea><b>so good & so on"}).text
    assert ">\n&lt;/textarea&gt;&lt;b&gt;so good &amp; so on</textarea>" in page
    assert "<meter" not in page
    assert predictor.seen == []


def test_a_program_is_told_how_to_ask(client: TestClient) -> None:
    answer = client.get("/predict", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.headers["vary"]) == (200, "Accept")
    usage = answer.json()
    assert "POST" in usage["detail"]
    assert client.post(usage["links"]["predict"], json=usage["example"]).status_code == 200
    assert client.get("/predict", headers={"Accept": "*/*"}).headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_slash_at_the_end_is_taken_away(client: TestClient, method: str) -> None:
    answer = client.request(method, "/predict/?text=a%20b")
    assert (answer.status_code, answer.headers["location"]) == (308, "../predict?text=a%20b")


def test_a_slash_without_a_query(client: TestClient) -> None:
    assert client.get("/predict/").headers["location"] == "../predict"


def test_what_was_sent_goes_along_without_the_slash(client: TestClient) -> None:
    answer = client.post("/predict/", data={"text": "so good"}, follow_redirects=True)
    assert answer.json()["label"] == "positive"


def test_the_form_answered(browser: TestClient) -> None:
    text = browser.post("/predict", data={"text": "so good"}).text
    assert "\nso good</textarea>" in text
    assert '<strong class="good">positive</strong> <span class="figure">80.0%</span>' in text
    assert '<meter min="0" max="1" value="0.8">80.0%</meter>' in text
    assert text.count("<meter ") == 3
    assert "only a part of it was read" not in text
    assert "only a part of it was read" in browser.post("/predict", data={"text": "word " * 21}).text


def test_what_an_answer_is_worth_is_told(browser: TestClient) -> None:
    plain = browser.post("/predict", data={"text": "so good", "min_probability": "0.5"}).text
    assert "knows little" not in plain
    assert "not sure" not in plain
    text = browser.post("/predict", data={"text": "жж a", "min_probability": "0.9"}).text
    assert "knows little" not in text
    assert '</strong> <span class="unsure">not sure</span> <span class="figure">' in text
    assert "The model is not sure: no label is probable enough." in text
    text = browser.post("/predict", data={"text": "жжж a"}).text
    assert "The model knows little of this text: 40.0% of its characters." in text
    assert "not sure" not in text


@pytest.mark.parametrize(
    ("setting", "asked", "uncertain"),
    [(None, None, None), (None, 0.9, True), (0.9, None, True), (0.9, 0.8, False), (0.9, 0, False), (0.5, 0.9, True)],
)
def test_a_request_goes_before_the_setting_of_what_is_uncertain(
    make_client: Callable[..., TestClient], setting: float | None, asked: float | None, uncertain: bool | None
) -> None:
    client, options = make_client(min_probability=setting), {} if asked is None else {"min_probability": asked}
    assert client.post("/predict", json={"text": "good"} | options).json().get("uncertain") is uncertain
    several = client.post("/predict", json={"texts": ["good", ""], "partial": True} | options).json()["predictions"]
    assert [answer.get("uncertain") for answer in several] == [uncertain, None]
    assert client.post("/predict", data={"text": "good"} | options).json().get("uncertain") is uncertain
    page = client.post("/predict", data={"text": "good"} | options, headers={"accept": BROWSER}).text
    assert ("not sure" in page) is bool(uncertain)


def test_several_as_a_page(browser: TestClient) -> None:
    page = browser.post("/predict", json={"texts": ["good", "", 7], "partial": True}).text
    assert page.count('aria-label="Prediction"') == 1
    assert "texts[1] is empty; accepted" in page
    assert "texts[2] is a number; accepted" in page
    text = browser.post("/predict", json={"texts": ["good", "<i>"]}).text
    assert '<blockquote dir="auto">good</blockquote>' in text
    assert '<blockquote dir="auto">&lt;i&gt;</blockquote>' in text


@pytest.mark.parametrize(
    "text", ["</textarea><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}"]
)
def test_a_text_is_only_ever_a_text(browser: TestClient, text: str) -> None:
    page = browser.post("/predict", data={"text": text}).text
    box = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    assert box is not None
    assert "<" not in box[1]
    assert not re.search(r'<script(?! type="module" src="\./static/)', page)
    assert "<img" not in page
    assert "49" not in box[1]


def test_a_text_that_starts_with_a_line_break_keeps_it(browser: TestClient) -> None:
    assert ">\n\ngood</textarea>" in browser.post("/predict", data={"text": "\r\ngood"}).text


@pytest.mark.anyio
async def test_the_loop_stays_responsive(make_app: Callable[..., FastAPI], predictor: FakePredictor) -> None:
    transport = httpx2.ASGITransport(make_app())
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        predictor.gate.clear()
        predicting = asyncio.create_task(client.post("/predict", json={"text": "good"}))
        assert await asyncio.to_thread(predictor.started.wait, 5)
        for _ in range(3):
            assert (await client.get("/healthz")).status_code == 200
        assert not predicting.done()
        predictor.gate.set()
        assert (await predicting).status_code == 200


@pytest.mark.anyio
async def test_a_client_that_leaves_is_not_worked_for(
    make_app: Callable[..., FastAPI], predictor: FakePredictor
) -> None:
    app = make_app()
    transport = httpx2.ASGITransport(app)
    messages: Iterator[dict[str, object]] = iter(
        [{"type": "http.request", "body": b"text=left"}, {"type": "http.disconnect"}]
    )
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/predict",
        "query_string": b"",
        "headers": [(b"content-type", b"application/x-www-form-urlencoded")],
    }

    async def receive() -> dict[str, object]:
        return next(messages)

    async def send(message: object) -> None:
        raise AssertionError(message)

    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        predictor.gate.clear()
        working = asyncio.create_task(client.post("/predict", json={"text": "stays"}))
        assert await asyncio.to_thread(predictor.started.wait, 5)
        await app(scope, receive, send)
        await asyncio.sleep(0)
        assert app.state.service.batcher.load == 1
        predictor.gate.set()
        assert (await working).status_code == 200
        await client.post("/predict", json={"text": "last"})
    assert predictor.seen == ["stays", "last"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    body=st.binary() | st.text().map(str.encode) | st.sampled_from([b'{"text":"a"}', b"text=a", b"--b--", b"null"]),
    kind=st.sampled_from(
        ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain", ""]
    ),
    accept=st.sampled_from(["*/*", "text/html"]),
)
def test_no_body_is_the_servers_fault(client: TestClient, body: bytes, kind: str, accept: str) -> None:
    answer = client.post("/predict", content=body, headers={"Content-Type": kind, "Accept": accept})
    assert answer.status_code in {200, 400, 415, 422}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: not is_blank(text)))
def test_any_text_comes_back_as_it_was(client: TestClient, text: str) -> None:
    assert client.post("/predict", json={"text": text}).json()["text"] == text
    form = client.post("/predict", data={"text": text})
    assert form.json()["text"] == text.replace("\r\n", "\n")
    assert client.post("/predict", json={"text": text}, headers={"Accept": "text/html"}).status_code == 200


KEYS = ["text", "texts", "explain", "min_probability", "partial"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(
    document=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*KEYS, "x", "y"]), inner),
        max_leaves=6,
    ),
    accept=st.sampled_from(["*/*", "text/html"]),
)
def test_no_document_is_the_servers_fault(client: TestClient, document: object, accept: str) -> None:
    answer = client.post(
        "/predict",
        content=json.dumps(document).encode(),
        headers={"Content-Type": "application/json", "Accept": accept},
    )
    assert answer.status_code in ({200, 422} if _is_json(document) else {400})


def _is_json(document: object) -> bool:
    """Whether it has no infinity, which Python writes and JSON does not know."""
    try:
        json.dumps(document, allow_nan=False)
    except ValueError:
        return False
    return True
