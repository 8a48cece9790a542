from base64 import b64encode
from collections.abc import Callable
from hmac import compare_digest

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import Message

KEYS = "first-key-of-sixteen,second-key-of-sixteen"
FIRST, SECOND = KEYS.split(",")


def basic(password: str, user: str = "anyone") -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def guarded(make_client: Callable[..., TestClient]) -> TestClient:
    return make_client(api_keys=KEYS)


@pytest.mark.parametrize("key", [FIRST, SECOND])
@pytest.mark.parametrize(
    "headers", [lambda key: {"Authorization": f"Bearer {key}"}, lambda key: {"X-API-Key": key}, basic]
)
@pytest.mark.parametrize("path", ["/predict", "/model", "/metrics"])
def test_any_key_in_any_way_opens(
    guarded: TestClient, path: str, headers: Callable[[str], dict[str, str]], key: str
) -> None:
    assert guarded.get(path, headers=headers(key)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {FIRST[:-1]}"},
        {"Authorization": f"Digest {FIRST}"},
        {"Authorization": "Basic !"},
        {"Authorization": "Basic " + b64encode(b"\xff").decode()},
        {"X-API-Key": FIRST + "x"},
        {"X-API-Key": "é"},
        {"X-API-Key": KEYS},
        basic("wrong"),
        basic("", user=FIRST),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_anything_else_is_refused(guarded: TestClient, method: str, headers: dict[str, str]) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    answer = guarded.request(method, "/predict", headers=raw)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthorized"
    assert answer.json()["detail"].startswith("This needs one of the service's API keys")
    assert answer.headers["www-authenticate"] == 'Basic realm="tweet-sentiment"'


@pytest.mark.parametrize("sent", [FIRST, SECOND, "wrong"])
def test_every_key_is_compared_in_constant_time(
    guarded: TestClient, monkeypatch: pytest.MonkeyPatch, sent: str
) -> None:
    """Also after one that fits: how long it takes tells nothing of which one it was."""
    compared = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return compare_digest(one, other)

    monkeypatch.setattr("hmac.compare_digest", compare)
    guarded.get("/predict", headers={"X-API-Key": sent})
    assert compared == [(sent.encode(), FIRST.encode()), (sent.encode(), SECOND.encode())]


def test_a_browser_gets_a_page(guarded: TestClient) -> None:
    answer = guarded.post("/predict", headers={"Accept": "text/html"})
    assert answer.status_code == 401
    assert "<h1>An API key is wanted</h1>" in answer.text
    assert "0123456789ab" not in answer.text, "the model's version is behind the key"


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/docs", "/openapi.json", "/static/style.css"])
def test_the_rest_stays_open(guarded: TestClient, path: str) -> None:
    assert guarded.get(path).status_code == 200


def test_no_keys_no_door(client: TestClient) -> None:
    assert client.get("/model", headers={"Authorization": "Bearer whatever"}).status_code == 200
    assert client.post("/predict", data={"text": "a"}, headers={"Authorization": "Basic !"}).status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/model", "/predict"])
def test_no_key_no_answer(guarded: TestClient, path: str) -> None:
    assert guarded.get(path).status_code == 401


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/predict", "/predict/csv"])
async def test_nothing_of_a_body_without_a_key_is_read(make_app: Callable[..., FastAPI], path: str) -> None:
    async def receive() -> Message:
        raise AssertionError

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
    await make_app(api_keys=KEYS)(scope, receive, send)
    assert sent[0]["status"] == 401
