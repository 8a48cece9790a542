import re
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from tests.serving.conftest import BROWSER


@pytest.mark.parametrize(
    "path",
    ["/", "/predict", "/model", "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json", "/static/style.css"],
)
def test_head_is_get_without_a_body(client: TestClient, path: str) -> None:
    get, head = client.get(path), client.head(path)
    assert head.status_code == get.status_code == 200
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.content == b""


ORIGIN = "https://example.org"


@pytest.mark.parametrize("accept", ["*/*", BROWSER])
@pytest.mark.parametrize(
    "path", ["/", "/predict", "/model", "/healthz", "/metrics", "/docs", "/static/style.css", "/no"]
)
def test_every_answer_is_safe(client: TestClient, path: str, accept: str) -> None:
    headers = client.get(path, headers={"Accept": accept}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers.get_list("content-security-policy") == [policy], "a page's own policy is not doubled"


@pytest.mark.parametrize("accept", ["*/*", BROWSER])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", path) for path in ("/", "/predict", "/model", "/healthz", "/metrics", "/docs", "/static/style.css", "/no")]
    + [("POST", "/predict"), ("POST", "/predict/"), ("DELETE", "/predict"), ("HEAD", "/readyz")],
)
def test_every_answer_has_the_models_version(client: TestClient, method: str, path: str, accept: str) -> None:
    answer = client.request(method, path, headers={"Accept": accept})
    assert answer.headers.get_list("x-model-version") == ["0123456789ab"]


def test_no_other_page_may_call_unless_it_is_named(client: TestClient) -> None:
    answer = client.post("/predict", data={"text": "good"}, headers={"Origin": ORIGIN})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert client.options("/predict", headers={"Origin": ORIGIN}).status_code == 405


def test_a_named_page_may_call(make_client: Callable[..., TestClient]) -> None:
    client = make_client(allowed_origins=f"{ORIGIN}, https://other.example:8443")
    for answer in (
        client.post("/predict", data={"text": "good"}, headers={"Origin": ORIGIN}),
        client.post("/predict", data={"text": ""}, headers={"Origin": ORIGIN}),
    ):
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "X-Request-ID" in answer.headers["access-control-expose-headers"]
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    assert client.options("/predict", headers=asked).status_code == 200
    refused = client.options("/predict", headers=asked | {"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("header", ["authorization", "content-type", "x-api-key", "x-request-id"])
def test_what_a_named_page_may_send(make_client: Callable[..., TestClient], header: str) -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": header}
    answer = make_client(allowed_origins=ORIGIN).options("/predict", headers=asked)
    assert answer.status_code == 200
    assert "access-control-allow-credentials" not in answer.headers


def test_what_a_named_page_may_see(make_client: Callable[..., TestClient]) -> None:
    client = make_client(allowed_origins=ORIGIN)
    headers = client.post("/predict/file", files={"file": b"1,so good\n2,so bad\n"}, headers={"Origin": ORIGIN}).headers
    seen = set(headers["access-control-expose-headers"].lower().split(", "))
    assert seen == {"retry-after", *(name for name in headers if name.startswith("x-"))} - {"x-content-type-options"}
    assert {"x-request-id", "x-model-version", "x-text-column"} < seen
    assert "access-control-allow-credentials" not in headers


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
