import asyncio
import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from serving.model.types import is_blank
from serving.web.openapi import FILE_ERRORS
from tests.serving.conftest import BROWSER
from tests.serving.csv_files import ADDED
from tests.serving.fakes import FakePredictor


def send(client: TestClient, content: bytes, name: str = "mine.csv", **options: Any) -> Any:
    return client.post("/predict/file", files={"file": (name, content)}, **options)


def cells(content: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True))


def test_a_file_comes_back_with_columns_added(client: TestClient) -> None:
    answer = send(client, b'id,tweet\r\n 1,"so good, ""really"""\r\n2,\r\n3\r\n')
    assert answer.status_code == 200
    assert answer.text.split("\r\n") == [
        "id,tweet," + ",".join(ADDED),
        ' 1,"so good, ""really""",positive,0.8,0.1,0.1,0.8,false,1.0,',
        "2,,,,,,,,,no text",
        "3,,,,,,,,,1 cell where the header has 2",
        "",
    ]
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="predictions.csv"'
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["x-text-column"] == "tweet"
    assert answer.headers["x-label-column"] == "label"
    assert "x-notes" not in answer.headers


def test_the_route_has_its_old_name_too(client: TestClient) -> None:
    answer = client.post("/predict/csv", files={"file": ("mine.csv", b"text\ngood\n")})
    assert (answer.status_code, answer.text) == (200, send(client, b"text\ngood\n").text)


SETTING_AND_FIELD = [
    (None, None, None),
    (None, "0.9", "true"),
    (0.9, None, "true"),
    (0.9, "", "true"),
    (0.9, "0.8", "false"),
    (0.5, "0.9", "true"),
]


@pytest.mark.parametrize(("setting", "field", "uncertain"), SETTING_AND_FIELD)
def test_what_is_uncertain_has_a_column(
    make_client: Callable[..., TestClient], setting: float | None, field: str | None, uncertain: str | None
) -> None:
    answer = send(
        make_client(min_probability=setting),
        b"text\ngood\n\n",
        data={} if field is None else {"min_probability": field},
    )
    header, good, blank = cells(answer.text)
    assert header == (["text", *ADDED] if uncertain is None else ["text", *ADDED[:-1], "uncertain", "error"])
    assert dict(zip(header, good, strict=True)).get("uncertain") == uncertain
    assert dict(zip(header, blank, strict=True)).get("uncertain") == (None if uncertain is None else "")


def test_a_row_of_json_says_whether_it_is_uncertain(client: TestClient) -> None:
    answer = send(client, b'{"text": "good"}\n', name="mine.jsonl", data={"min_probability": "0.81"})
    assert json.loads(answer.text)["uncertain"] is True


def test_what_was_decided_is_told_in_a_header(client: TestClient) -> None:
    answer = send(client, "1,größe ist gut\n2,so bad\n".encode("utf-16-le"))
    assert answer.headers["x-text-column"] == "column_2"
    encoding, header = unquote(answer.headers["x-notes"]).split("\n")
    assert encoding.startswith("The file is read as UTF-16-LE")
    assert header.startswith("The file is read as one without a header: its columns are column_1, column_2")
    assert answer.content.decode("utf-8-sig").startswith("column_1,column_2,label")


def test_json_lines_come_back_as_json_lines(client: TestClient) -> None:
    answer = send(client, b'{"delete": {"id": 1}}\n{"id": 2, "text": "good"}\n', name="mine.csv")
    assert [json.loads(line).get("label") for line in answer.text.splitlines()] == [None, "positive"]
    assert answer.headers["content-type"] == "application/jsonl"
    assert answer.headers["content-disposition"] == 'attachment; filename="predictions.jsonl"'


def test_the_names_to_choose_from_are_in_the_error(client: TestClient) -> None:
    content = b"comment,review\nI love it so,fine with me\n"
    unclear = send(client, content).json()
    assert (unclear["code"], unclear["columns"]) == ("text_column_unclear", ["comment", "review"])
    assert send(client, content, data={"text_column": "review"}).status_code == 200
    unknown = send(client, content, data={"text_column": "tweet"}).json()
    assert (unknown["code"], unknown["columns"]) == ("text_column_unknown", ["comment", "review"])
    many = b",".join(b"c%d" % number for number in range(150)) + b"\n" + b",".join([b"x"] * 150) + b"\n"
    assert len(send(client, many, data={"header": "true"}).json()["columns"]) == 100
    assert "columns" not in send(client, b"").json()


def test_a_text_is_not_among_the_names_to_choose_from(client: TestClient) -> None:
    content = b"Great,Awful\nI love it very much,so bad it was\n"
    unclear = send(client, content)
    assert unclear.json()["columns"] == ["column_1", "column_2"]
    assert "Great" not in unclear.text
    assert "Great" not in send(client, content, data={"text_column": "tweet"}).text
    assert send(client, content, data={"text_column": "column_2"}).headers["x-text-column"] == "Awful"


def test_nothing_that_the_client_names_is_in_a_header_as_it_is(client: TestClient) -> None:
    answer = send(client, "größe\r\nso good\r\n".encode(), name='x"; filename="evil.exe', data={"header": "true"})
    assert answer.headers["content-disposition"] == 'attachment; filename="predictions.csv"'
    assert answer.headers["x-text-column"] == "gr%C3%B6%C3%9Fe"


def test_fields_say_how_it_is_read(client: TestClient) -> None:
    fields = {"text_column": "b", "delimiter": "tab", "encoding": "windows-1252"}
    answer = send(client, "a\tb\nx,y\tgood café\n".encode("cp1252"), data=fields)
    assert cells(answer.content.decode("utf-8-sig"), "\t")[1][:3] == ["x,y", "good café", "positive"]
    assert answer.headers["content-disposition"] == 'attachment; filename="predictions.tsv"'


def test_fields_say_what_is_a_header_and_how_it_is_written(client: TestClient) -> None:
    fields = {"header": "false", "delimiter": "pipe", "output_encoding": "windows-1252"}
    answer = send(client, "id|text\n1|good café\n".encode(), data=fields | {"text_column": "column_2"})
    header, names, row = answer.content.decode("cp1252").splitlines()
    assert header.startswith("column_1|column_2|label|")
    assert (names[:8], row[:21]) == ("id|text|", "1|good café|positive|")


REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("no form", {"json": {"text": "a"}}, 415, "unsupported_media_type"),
    ("no file", {"files": {"other": b"a"}}, 422, "file_missing"),
    ("two files", {"files": [("file", b"a"), ("file", b"b")]}, 422, "file_repeated"),
    ("unknown field", {"files": {"file": b"text\na\n"}, "data": {"text_colum": "text"}}, 422, "unknown_field"),
    (
        "no probability",
        {"files": {"file": b"text\na\n"}, "data": {"min_probability": "much"}},
        422,
        "min_probability_invalid",
    ),
    ("empty", {"files": {"file": ("a.csv", b"")}}, 422, "file_unreadable"),
    ("no rows", {"files": {"file": ("a.csv", b"text\n")}}, 422, "rows_missing"),
    ("no table", {"files": {"file": ("a.csv", b"%PDF-1.7\n")}}, 422, "file_kind"),
    ("not UTF-8", {"files": {"file": ("a.csv", b"text\ncaf\xe9\n")}}, 422, "not_utf8"),
    ("a title", {"files": {"file": b"What it was\nred,a b\nblue,c d\ngreen,e f\n"}}, 422, "header_unclear"),
    (
        "a header broken",
        {"files": {"file": b'"te"xt,n\n' + b"good,1\n" * 5}, "data": {"header": "true"}},
        422,
        "header_broken",
    ),
    ("unclear", {"files": {"file": ("a.csv", b"a,b\n1,2\n")}}, 422, "text_column_unclear"),
    ("unknown column", {"files": {"file": b"a\n1\n"}, "data": {"text_column": "b"}}, 422, "text_column_unknown"),
    ("unknown encoding", {"files": {"file": b"a\n1\n"}, "data": {"encoding": "b"}}, 422, "unknown_encoding"),
    ("unknown delimiter", {"files": {"file": b"a\n1\n"}, "data": {"delimiter": "b"}}, 422, "unknown_delimiter"),
    ("unknown header", {"files": {"file": b"a\n1\n"}, "data": {"header": "b"}}, 422, "unknown_header"),
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
    answer = client.post("/predict/file", **sent)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert f"`{code}`" in FILE_ERRORS[status]["description"]
    assert predictor.seen == []
    page = client.post("/predict/file", **{**sent, "headers": {**sent.get("headers", {}), "Accept": BROWSER}})
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
    assert client.post("/predict/file", json={"text": "a"}).status_code == 415
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


def test_a_line_that_is_too_long_is_one_row_with_an_error(client: TestClient) -> None:
    answer = send(client, b"text\n" + b"x" * 1_100_000 + b"\ngood\n")
    assert answer.status_code == 200
    assert "the line has more than 1,048,576 characters" in answer.text


def test_other_methods(client: TestClient) -> None:
    for method in ("GET", "HEAD", "PUT"):
        answer = client.request(method, "/predict/file")
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
    scope = {"type": "http", "method": "POST", "path": "/predict/file", "query_string": b"", "headers": headers}
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


# A file that begins with other controls is a binary one.
PRINTED = st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\t\r\n\x0b\x7f\x85")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None)
@given(
    rows=st.lists(st.tuples(*[st.text(PRINTED, max_size=9)] * 2), min_size=1, max_size=5),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
)
def test_every_row_of_any_file_comes_back_as_it_was(
    client: TestClient, rows: list[tuple[str, str]], delimiter: str
) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "n"), *rows])
    answer = send(client, file.getvalue().encode(), data={"text_column": "text", "header": "true"})
    header, *found = cells(answer.content.decode(), delimiter)
    assert header == ["text", "n", *ADDED]
    assert [tuple(row[:2]) for row in found] == rows
    assert [row[-1] == "no text" for row in found] == [is_blank(text) for text, _ in rows]
