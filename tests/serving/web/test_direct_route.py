from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.web.direct_route import DirectMiddleware, LeanFastAPI, Unneeded, direct
from tests.serving.conftest import BROWSER


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


KEY = "first-key-of-sixteen"
REQUESTS: list[dict[str, Any]] = [
    {"data": {"text": "so good"}},
    {"data": {"text": "so good", "explain": "on"}},
    {"data": {"text": ""}},
    {"data": {"text": "so good"}, "headers": {"Accept": BROWSER}},
    {"data": {"text": ""}, "headers": {"Accept": BROWSER}},
    {"json": {"texts": ["good", "bad"]}},
    {"content": b"{", "headers": {"Content-Type": "application/json"}},
    {"content": b"x", "headers": {"Content-Type": "text/plain"}},
    {"data": {"text": "so good"}, "headers": {"Authorization": f"Bearer {KEY}"}},
    {"data": {"text": "so good"}, "headers": {"Authorization": "Basic !"}},
]


def without_direct(app: FastAPI) -> FastAPI:
    app.user_middleware = [entry for entry in app.user_middleware if "Direct" not in str(entry.cls)]
    return app


@pytest.mark.parametrize("keys", [{}, {"api_keys": KEY}])
@pytest.mark.parametrize("request_", REQUESTS)
def test_it_answers_as_the_router_does(
    make_app: Callable[..., FastAPI], request_: dict[str, Any], keys: dict[str, str]
) -> None:
    sent = {**request_, "headers": {"X-Request-ID": "same", **request_.get("headers", {})}}
    answers = [TestClient(app).post("/predict", **sent) for app in (make_app(**keys), without_direct(make_app(**keys)))]
    ours, routers = [(answer.status_code, dict(answer.headers), answer.content) for answer in answers]
    assert ours == routers


def test_below_a_prefix_the_router_answers(make_app: Callable[..., FastAPI]) -> None:
    client = TestClient(make_app(), root_path="/below")
    assert client.post("/below/predict", data={"text": "good"}).status_code == 200


def test_other_methods_go_on(client: TestClient) -> None:
    assert client.delete("/predict").status_code == 405


async def first(request: Request) -> str:
    request.state.calls = [*getattr(request.state, "calls", ()), "first"]
    return "1"


async def second(one: Annotated[str, Depends(first)]) -> str:
    return one + "2"


def test_each_dependency_is_called_once_and_in_order() -> None:
    router = APIRouter(dependencies=[Depends(first)])

    @router.post("/")
    async def answer(request: Request, two: Annotated[str, Depends(second)]) -> Response:
        return Response(f"{two} {request.state.calls}")

    app = FastAPI()
    app.include_router(router)
    app.add_middleware(DirectMiddleware, handlers=direct(app, ("POST", "/")))
    assert TestClient(app).post("/").text == "12 ['first']"


def test_an_unneeded_dependency_is_called_only_where_it_may_refuse() -> None:
    calls = []

    async def check(one: Annotated[str, Depends(first)]) -> None:
        calls.append(one)

    app = FastAPI()

    @app.post("/", dependencies=[Depends(check)])
    async def answer(request: Request) -> Response:
        return Response(str(hasattr(request.state, "calls")))

    unneeded = Unneeded(check, passes=lambda request: "x-check" not in request.headers)
    app.add_middleware(DirectMiddleware, handlers=direct(app, ("POST", "/"), unneeded=unneeded))
    client = TestClient(app)
    assert client.post("/").text == "False"
    assert calls == []
    assert client.post("/", headers={"X-Check": "1"}).text == "True"
    assert calls == ["1"]


def test_what_takes_more_than_the_request_is_refused() -> None:
    app = FastAPI()

    @app.post("/")
    async def answer(number: int) -> Response:
        return Response(str(number))

    with pytest.raises(TypeError, match="has query_params; a direct route takes only the request"):
        direct(app, ("POST", "/"))
    with pytest.raises(KeyError):
        direct(app, ("POST", "/nowhere"))
