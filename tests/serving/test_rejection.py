import json
from http import HTTPStatus

import pytest
from starlette.testclient import TestClient

from serving.headers import SAFE
from serving.rejection import MALFORMED, Rejection, headers_too_large, too_many_connections
from serving.schemas import ErrorAnswer

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
