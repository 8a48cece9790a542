import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.testclient import TestClient

from serving.body import (
    FORM,
    JSON,
    MULTIPART,
    ContentType,
    content_type,
    decode,
    json_type,
    parse_json,
    read_body,
    shown,
)
from serving.budget import FREE, Budget
from serving.errors import BodyTooLarge, BodyTooSlow, MalformedBody, Overloaded, UnsupportedMediaType


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ("application/json", ContentType(JSON)),
        ("Application/JSON; charset=UTF-8", ContentType(JSON)),
        ('application/x-www-form-urlencoded;charset="utf8"', ContentType(FORM)),
        ('multipart/form-data; boundary="a b"; charset=utf-8', ContentType(MULTIPART, "a b")),
    ],
)
def test_content_types_that_are_taken(sent: str, found: ContentType) -> None:
    assert content_type(Headers({"content-type": sent}).raw) == found


@pytest.mark.parametrize(
    ("headers", "code", "sentence"),
    [
        (
            {},
            "unsupported_media_type",
            "The request has no Content-Type; accepted are application/x-www-form-urlencoded",
        ),
        ({"content-type": ""}, "unsupported_media_type", "The request has no Content-Type"),
        ({"content-type": "text/plain"}, "unsupported_media_type", "The Content-Type is 'text/plain'; accepted are"),
        (
            {"content-type": "application/json-patch+json"},
            "unsupported_media_type",
            "multipart/form-data, application/json.",
        ),
        ({"content-type": "x" * 500}, "unsupported_media_type", f"'{'x' * 60}…'"),
        (
            {"content-type": "application/json; charset=latin1"},
            "unsupported_charset",
            "The charset is 'latin1'; accepted",
        ),
        (
            {"content-type": "application/json", "content-encoding": "gzip"},
            "unsupported_content_encoding",
            "The Content-Encoding is 'gzip'; accepted is none.",
        ),
    ],
)
def test_content_types_that_are_refused(headers: dict[str, str], code: str, sentence: str) -> None:
    with pytest.raises(UnsupportedMediaType) as caught:
        content_type(Headers(headers).raw)
    assert caught.value.error_code == code
    assert sentence in caught.value.detail


def test_a_route_may_take_fewer_content_types() -> None:
    with pytest.raises(UnsupportedMediaType) as caught:
        content_type(Headers({"content-type": JSON}).raw, accepted=(MULTIPART,))
    assert caught.value.detail == "The Content-Type is 'application/json'; accepted is multipart/form-data."


@pytest.mark.parametrize(("body", "document"), [(b'{"text": "\xc3\xa9"}', {"text": "é"}), (b"\xef\xbb\xbf[1]", [1])])
def test_json(body: bytes, document: object) -> None:
    assert parse_json(body) == document


@pytest.mark.parametrize(
    ("body", "code", "sentence"),
    [
        (b"", "not_json", "The body is not JSON: it breaks off or goes wrong at line 1, column 1."),
        (b'{"text":\n oops}', "not_json", "line 2, column 2"),
        (b"text=hello", "not_json", "line 1, column 1"),
        (b"NaN", "not_json", "NaN, Infinity or a number of absurd length"),
        (b"9" * 10_000, "not_json", "a number of absurd length"),
        (b'{"text": "\xff"}', "not_utf8", "The body is not UTF-8: byte 0xff at offset 10 cannot be decoded."),
        ('{"text": "a"}'.encode("utf-16"), "not_utf8", "byte 0xff at offset 0"),
        (b"[" * 200_000, "json_too_deep", "The JSON is nested too deeply."),
        (b'{"text":' * 200_000, "json_too_deep", "The JSON is nested too deeply."),
    ],
)
def test_not_json(body: bytes, code: str, sentence: str) -> None:
    with pytest.raises(MalformedBody) as caught:
        parse_json(body)
    assert caught.value.error_code == code
    assert sentence in caught.value.detail


def test_decode_names_what_it_read() -> None:
    with pytest.raises(MalformedBody, match="The form field is not UTF-8"):
        decode(b"\xff", "form field")


def test_shown_can_always_be_encoded() -> None:
    assert shown("\ud800\n").encode() == rb"'\ud800\n'"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "a number"),
        (1.5, "a number"),
        ("", "a string"),
        ([], "an array"),
        ({}, "an object"),
    ],
)
def test_json_types(value: object, words: str) -> None:
    assert json_type(value) == words


@pytest.fixture
def small(make_client: Callable[..., TestClient]) -> TestClient:
    return make_client(max_body_bytes=1024)


def test_a_declared_length_is_refused_before_reading(small: TestClient) -> None:
    answer = small.post("/predict", content=b"x" * 1025, headers={"Content-Type": JSON})
    assert answer.status_code == 413
    assert answer.json()["detail"] == "The body has 1,025 bytes; at most 1,024 are accepted."


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "9" * 5000}, {"Content-Length": "10"}])
def test_the_limit_holds_while_reading(small: TestClient, headers: dict[str, str]) -> None:
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 256
            yield b"x" * 256

    answer = small.post("/predict", content=chunks(), headers={"Content-Type": JSON, **headers})
    assert answer.status_code == 413
    assert answer.json()["detail"] == "The body is longer than 1,024 bytes, the most that is accepted."


def test_a_body_at_the_limit_is_read(small: TestClient) -> None:
    body = b'{"text": "good"}'.ljust(1024)
    assert small.post("/predict", content=body, headers={"Content-Type": JSON}).status_code == 200


@pytest.mark.anyio
async def test_reading_stops_at_the_limit() -> None:
    messages: Iterator[dict[str, Any]] = (
        {"type": "http.request", "body": b"x" * 10, "more_body": True} for _ in range(9)
    )

    async def receive() -> dict[str, Any]:
        return next(messages)

    with pytest.raises(BodyTooLarge):
        await read_body(Request({"type": "http", "headers": []}, receive), 25)
    assert len(list(messages)) == 6


@pytest.mark.anyio
async def test_a_slow_body_is_not_waited_for() -> None:
    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(BodyTooSlow, match=r"not whole after 0\.1 seconds") as caught:
        await read_body(Request({"type": "http", "headers": []}, receive), 1000, 0.1)
    assert caught.value.status == 408
    assert caught.value.headers == {"Connection": "close"}


@pytest.mark.anyio
async def test_a_client_that_leaves_while_sending() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnect):
        await read_body(Request({"type": "http", "headers": []}, receive), 1000)


def body_of(*chunks: bytes, then: str = "http.request") -> Request:
    """A request whose body comes in these pieces."""
    messages: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        + [{"type": then, "body": b"", "more_body": False}]
    )

    async def receive() -> dict[str, Any]:
        return next(messages)

    return Request({"type": "http", "headers": []}, receive)


@pytest.mark.anyio
async def test_what_comes_takes_of_the_budget_and_gives_it_back() -> None:
    budget = Budget(100)
    assert await read_body(body_of(b"x" * FREE, b"y" * 100), 10**6, budget=budget) == b"x" * FREE + b"y" * 100
    for request, error in (
        (body_of(b"x" * FREE, b"y" * 101), Overloaded),
        (body_of(b"x" * FREE, b"y" * 10, then="http.disconnect"), ClientDisconnect),
        (body_of(b"x" * FREE, b"y" * 10, b"z" * 10**6), BodyTooLarge),
    ):
        with pytest.raises(error):
            await read_body(request, 10**6, budget=budget)
        assert budget.taken == 0


@pytest.mark.anyio
async def test_bodies_together_take_no_more_than_the_budget() -> None:
    budget = Budget(100)
    stalled = asyncio.Event()

    async def half() -> AsyncIterator[dict[str, Any]]:
        yield {"type": "http.request", "body": b"x" * (FREE + 60), "more_body": True}
        await stalled.wait()
        yield {"type": "http.request"}

    messages = half()
    slow = Request({"type": "http", "headers": []}, lambda: anext(messages))
    reading = asyncio.create_task(read_body(slow, 10**6, 30, budget))
    await asyncio.sleep(0.01)
    assert budget.taken == 60
    with pytest.raises(Overloaded):
        await read_body(body_of(b"x" * (FREE + 41)), 10**6, budget=budget)
    small = body_of(*[b"x"] * 16_384)
    assert len(await read_body(small, 10**6, budget=budget)) == 16_384
    stalled.set()
    assert len(await reading) == FREE + 60
    assert budget.taken == 0


@pytest.mark.anyio
async def test_a_body_that_comes_whole_is_not_counted() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x" * (FREE + 1)}

    request = Request({"type": "http", "headers": []}, receive)
    assert len(await read_body(request, 10**6, budget=Budget(0))) == FREE + 1
