"""What the settings and the fields of a form say of a file holds for it."""

from collections.abc import Callable

from starlette.testclient import TestClient

from tests.serving.web.routes.test_files import send


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


def test_a_queue_shorter_than_a_piece(make_client: Callable[..., TestClient]) -> None:
    answer = send(make_client(queue_limit=4, max_texts=4), b"text\n" + b"good\n" * 50)
    assert answer.status_code == 200
    assert answer.text.count(",positive,") == 50
