import pytest
from starlette.testclient import TestClient


@pytest.mark.parametrize(
    "path",
    ["/", "/predict", "/model", "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json", "/static/style.css"],
)
def test_head_is_get_without_a_body(client: TestClient, path: str) -> None:
    get, head = client.get(path), client.head(path)
    assert head.status_code == get.status_code == 200
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.content == b""
