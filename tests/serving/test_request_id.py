import re

import pytest
from starlette.testclient import TestClient


@pytest.mark.parametrize("sent", ["a", "A-1_b.c", "x" * 128])
def test_the_clients_own_is_kept(client: TestClient, sent: str) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": sent}).headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "a\tb", "é", "<script>", "a/b"])
def test_another_is_replaced(client: TestClient, sent: str) -> None:
    answer = client.get("/healthz", headers=[(b"X-Request-ID", sent.encode())])
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


def test_each_request_has_its_own(client: TestClient) -> None:
    assert client.get("/healthz").headers["x-request-id"] != client.get("/healthz").headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nowhere"), ("DELETE", "/predict"), ("POST", "/predict"), ("GET", "/static/nothing")]
)
def test_errors_carry_it(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, path, headers={"X-Request-ID": "mine"})
    assert answer.status_code >= 400
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "mine"
