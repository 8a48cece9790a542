import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.lean_app import LeanFastAPI


class Marking:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["marked"] = True
        await self.app(scope, receive, send)


def make_app(*middleware: Middleware) -> tuple[FastAPI, list[Scope]]:
    app, seen = LeanFastAPI(middleware=middleware), list[Scope]()

    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        seen.append(scope)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    app.mount("/", endpoint)
    return app, seen


@pytest.fixture
def outer_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The types of the scopes that went through FastAPI's outermost layer."""
    calls, original = [], FastAPI.__call__

    async def call(self: FastAPI, scope: Scope, receive: Receive, send: Send) -> None:
        calls.append(scope["type"])
        await original(self, scope, receive, send)

    monkeypatch.setattr(FastAPI, "__call__", call)
    return calls


def test_a_request_goes_to_the_first_middleware(outer_calls: list[str]) -> None:
    app, seen = make_app(Middleware(Marking))
    with TestClient(app) as client:
        assert client.get("/a").status_code == client.get("/b").status_code == 204
    assert [scope["marked"] for scope in seen] == [True, True]
    assert "http" not in outer_calls
    assert "lifespan" in outer_calls


def test_without_middleware_all_is_as_it_was(outer_calls: list[str]) -> None:
    app, seen = make_app()
    assert TestClient(app).get("/").status_code == 204
    assert len(seen) == 1
    assert outer_calls == ["http"]


def test_below_a_mount_all_is_as_it_was(outer_calls: list[str]) -> None:
    app, seen = make_app(Middleware(Marking))
    assert TestClient(app, root_path="/below").get("/below/").status_code == 204
    assert seen[0]["marked"]
    assert outer_calls == ["http"]


def test_who_measures_by_telemetry_still_does(outer_calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    app, _ = make_app(Middleware(Marking))
    monkeypatch.setattr(app._native_telemetry, "enabled", lambda: True)
    assert TestClient(app).get("/").status_code == 204
    assert outer_calls == ["http"]
