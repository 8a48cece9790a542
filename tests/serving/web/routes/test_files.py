import asyncio
import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from serving.web.openapi import FILE_ERRORS
from tests.serving.conftest import BROWSER
from tests.serving.fakes import FakePredictor

ADDED = ["label", "probability", "p_negative", "p_neutral", "p_positive", "error"]


def send(client: TestClient, content: bytes, name: str = "mine.csv", **options: Any) -> Any:
    return client.post("/predict/csv", files={"file": (name, content)}, **options)


def cells(content: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True))


def test_a_file_comes_back_with_columns_added(client: TestClient) -> None:
    answer = send(client, b'id,tweet\r\n 1,"so good, ""really"""\r\n2,\r\n3\r\n')
    assert answer.status_code == 200
    assert answer.text.split("\r\n") == [
        "id,tweet," + ",".join(ADDED),
        ' 1,"so good, ""really""",positive,0.8,0.1,0.1,0.8,',
        "2,,,,,,,no text",
        "3,,,,,,,1 cell where the header has 2",
        "",
    ]
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="predictions.csv"'
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["x-text-column"] == "tweet"
    assert answer.headers["x-label-column"] == "label"


def test_nothing_that_the_client_names_is_in_a_header_as_it_is(client: TestClient) -> None:
    answer = send(client, "größe\r\ngood\r\n".encode(), name='x"; filename="evil.exe')
    assert answer.headers["content-disposition"] == 'attachment; filename="predictions.csv"'
    assert answer.headers["x-text-column"] == "gr%C3%B6%C3%9Fe"


def test_fields_say_how_it_is_read(client: TestClient) -> None:
    fields = {"text_column": "b", "delimiter": "tab", "encoding": "windows-1252"}
    answer = send(client, "a\tb\nx,y\tgood café\n".encode("cp1252"), data=fields)
    assert cells(answer.text, "\t")[1][:3] == ["x,y", "good café", "positive"]
    assert answer.headers["content-disposition"] == 'attachment; filename="predictions.tsv"'


REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("no form", {"json": {"text": "a"}}, 415, "unsupported_media_type"),
    ("no file", {"files": {"other": b"a"}}, 422, "file_missing"),
    ("two files", {"files": [("file", b"a"), ("file", b"b")]}, 422, "file_repeated"),
    ("empty", {"files": {"file": ("a.csv", b"")}}, 422, "file_unreadable"),
    ("no rows", {"files": {"file": ("a.csv", b"text\n")}}, 422, "file_unreadable"),
    ("unclear", {"files": {"file": ("a.csv", b"a,b\n1,2\n")}}, 422, "text_column_unclear"),
    ("unknown column", {"files": {"file": b"a\n1\n"}, "data": {"text_column": "b"}}, 422, "text_column_unknown"),
    ("unknown encoding", {"files": {"file": b"a\n1\n"}, "data": {"encoding": "b"}}, 422, "unknown_encoding"),
    ("unknown delimiter", {"files": {"file": b"a\n1\n"}, "data": {"delimiter": "b"}}, 422, "unknown_delimiter"),
    ("a long line", {"files": {"file": ("a.csv", b"x" * 1_100_000)}}, 422, "line_too_long"),
    ("too large", {"files": {"file": ("a.csv", b"x" * 2_000_001)}}, 413, "file_too_large"),
    ("much too large", {"files": {"file": ("a.csv", b"x" * 3_000_000)}}, 413, "file_too_large"),
    (
        "broken off",
        {"content": b"--b\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
        400,
        "malformed_form",
    ),
    (
        "a field that is not UTF-8",
        {
            "content": b'--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\na\r\n--b--\r\n',
            "headers": {"Content-Type": "multipart/form-data; boundary=b"},
        },
        400,
        "not_utf8",
    ),
]
IDS = [row[0] for row in REFUSED]


@pytest.mark.parametrize(("sent", "status", "code"), [row[1:] for row in REFUSED], ids=IDS)
def test_refusals(
    make_client: Callable[..., TestClient], predictor: FakePredictor, sent: dict[str, Any], status: int, code: str
) -> None:
    client = make_client(max_file_bytes=2_000_000)
    answer = client.post("/predict/csv", **sent)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert f"`{code}`" in FILE_ERRORS[status]["description"]
    assert predictor.seen == []
    page = client.post("/predict/csv", **{**sent, "headers": {**sent.get("headers", {}), "Accept": BROWSER}})
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert 'role="alert"' in page.text
    assert send(client, b"text\ngood\n").status_code == 200, "its place was given back"


def test_every_documented_code_occurs() -> None:
    documented = {code for error in FILE_ERRORS.values() for code in re.findall("`([a-z_0-9]+)`", error["description"])}
    elsewhere = {"internal_error", "overloaded", "not_ready", "unsupported_charset", "unsupported_content_encoding"}
    elsewhere |= {"body_too_slow"}
    assert documented == {code for *_, code in REFUSED} | elsewhere


def test_an_engine_that_fails(client: TestClient, predictor: FakePredictor) -> None:
    predictor.fault = RuntimeError("weights at 0xdead")
    answer = send(client, b"text\ngood\n")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")


def test_so_many_files_at_once_and_no_more(make_client: Callable[..., TestClient]) -> None:
    client = make_client(max_uploads=1)
    slots = client.app.state.service.upload_slots  # type: ignore[attr-defined]
    asyncio.run(slots.acquire())
    answer = send(client, b"text\ngood\n")
    assert client.post("/predict/csv", json={"text": "a"}).status_code == 415
    slots.release()
    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    assert answer.headers["retry-after"] == "5"
    assert send(client, b"text\ngood\n").status_code == 200


def test_limits_of_the_settings(make_client: Callable[..., TestClient]) -> None:
    client = make_client(max_text_chars=10, max_file_bytes=1024)
    content = b"label,text\ngold,good\nold," + b"x" * 11 + b"\n"
    answer = send(client, content)
    assert "11 characters; at most 10 are accepted" in answer.text
    assert answer.headers["x-label-column"] == "predicted_label"
    assert int(answer.headers["x-expected-bytes"]) > len(content)
    assert 'predictions_total{label="positive"} 1.0' in client.get("/metrics").text


def test_a_file_of_just_the_size_that_is_accepted(make_client: Callable[..., TestClient]) -> None:
    full = b"text\ngood\n".ljust(1023, b"x") + b"\n"
    answer = send(make_client(max_file_bytes=len(full)), full, data={"encoding": "utf-8"})
    assert answer.status_code == 200


def test_a_byte_that_the_named_encoding_does_not_have(client: TestClient) -> None:
    answer = send(client, b"text\ncaf\x81\n", data={"encoding": "cp1252"})
    assert answer.text.splitlines()[1].endswith(",a byte is not cp1252")


def test_a_queue_shorter_than_what_a_file_puts_into_it(make_client: Callable[..., TestClient]) -> None:
    answer = send(make_client(queue_limit=4, max_texts=4), b"text\n" + b"good\n" * 50)
    assert answer.status_code == 200
    assert answer.text.count(",positive,") == 50


def test_a_key_is_wanted_where_one_is_set(make_client: Callable[..., TestClient]) -> None:
    client = make_client(api_keys=("a-key-of-sixteen-characters",))
    assert send(client, b"text\ngood\n").status_code == 401
    assert send(client, b"text\ngood\n", headers={"X-API-Key": "a-key-of-sixteen-characters"}).status_code == 200


def test_other_methods(client: TestClient) -> None:
    for method in ("GET", "HEAD", "PUT"):
        answer = client.request(method, "/predict/csv")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.anyio
async def test_a_client_that_leaves_is_not_worked_for(
    make_app: Callable[..., FastAPI], predictor: FakePredictor
) -> None:
    """It takes the first page and goes: no chunk after the next one is predicted, and its place is free again."""
    app = make_app(max_uploads=1)
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\ntext\n'
    body += b"good\n" * 5000 + b"\r\n--b--\r\n"
    left = False

    async def receive() -> dict[str, object]:
        nonlocal left
        if left:
            return {"type": "http.disconnect"}
        left = True
        return {"type": "http.request", "body": body}

    async def send_on(message: Any) -> None:
        assert message["type"] in {"http.response.start", "http.response.body"}

    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    scope = {"type": "http", "method": "POST", "path": "/predict/csv", "query_string": b"", "headers": headers}
    await app(scope, receive, send_on)
    assert not app.state.service.upload_slots.locked()
    await app.state.service.batcher.aclose()
    assert len(predictor.seen) < 5000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None)
@given(
    body=st.binary() | st.text(alphabet='ab,;"\r\n\t é=').map(str.encode),
    column=st.sampled_from([None, "a", "text"]),
    encoding=st.sampled_from(["utf-8", "utf-16", "shift_jis", "cp1252"]),
)
def test_no_file_is_the_servers_fault(client: TestClient, body: bytes, column: str | None, encoding: str) -> None:
    fields = {"encoding": encoding} | ({"text_column": column} if column else {})
    assert send(client, body, data=fields).status_code in {200, 422}
    assert send(client, b"text\n" + body, data=fields).status_code in {200, 422}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None)
@given(
    rows=st.lists(
        st.tuples(*[st.text(st.characters(exclude_categories=["Cs"]), max_size=9)] * 2), min_size=1, max_size=5
    ),
    delimiter=st.sampled_from([",", ";", "\t"]),
)
def test_every_row_of_any_file_comes_back_as_it_was(
    client: TestClient, rows: list[tuple[str, str]], delimiter: str
) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "n"), *rows])
    answer = send(client, file.getvalue().encode())
    header, *found = cells(answer.content.decode(), delimiter)
    assert header == ["text", "n", *ADDED]
    assert [tuple(row[:2]) for row in found] == rows
    assert [row[7] == "no text" for row in found] == [not text.strip() for text, _ in rows]
