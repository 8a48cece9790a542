from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from serving.server.forwarded import ForwardedMiddleware

pytestmark = pytest.mark.anyio


async def scope_after(
    path: str, *headers: tuple[str, str], root_path: str = "", trusted: str = "127.0.0.1"
) -> dict[str, Any]:
    """What the app sees of a request from 127.0.0.1."""
    seen: dict[str, Any] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        seen.update(scope)

    scope: Any = {
        "type": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "client": ("127.0.0.1", 5000),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
    }
    middleware: Any = ForwardedMiddleware(app, trusted, root_path)  # type: ignore[arg-type]
    await middleware(scope, None, None)
    return seen


def prefix(value: str) -> tuple[str, str]:
    return ("X-Forwarded-Prefix", value)


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("/predict", "/sent/predict"),
        ("/sent/predict", "/sent/predict"),
        ("/sent", "/sent/"),
        ("/sent/", "/sent/"),
        ("/", "/sent/"),
        ("/sentence", "/sent/sentence"),
    ],
)
@pytest.mark.parametrize(("headers", "root_path"), [([], "/sent"), ([prefix("/sent")], ""), ([prefix("/sent/")], "")])
async def test_a_request_is_put_below_the_prefix(
    path: str, below: str, headers: list[tuple[str, str]], root_path: str
) -> None:
    scope = await scope_after(path, *headers, root_path=root_path)
    assert (scope["root_path"], scope["path"], scope["raw_path"]) == ("/sent", below, below.encode())


async def test_a_prefix_of_several_segments() -> None:
    scope = await scope_after("/model", prefix("/nlp/v1.0"))
    assert (scope["root_path"], scope["path"]) == ("/nlp/v1.0", "/nlp/v1.0/model")


async def test_the_setting_counts_before_the_header() -> None:
    assert (await scope_after("/model", prefix("/other"), root_path="/sent"))["root_path"] == "/sent"


@pytest.mark.parametrize(
    "value",
    ["", "/", "//evil.example", "evil.example", "https://evil.example", "/a/../b", "/a b", "/a,/b", '/"', "/%2F"],
)
async def test_a_prefix_that_could_lead_elsewhere_is_passed_over(value: str) -> None:
    scope = await scope_after("/model", prefix(value))
    assert (scope["root_path"], scope["path"]) == ("", "/model")


async def test_several_prefixes_are_passed_over() -> None:
    assert (await scope_after("/model", prefix("/sent"), prefix("/other")))["root_path"] == ""


@pytest.mark.parametrize(("trusted", "root_path"), [("10.0.0.1", ""), ("127.0.0.0/8", "/sent"), ("*", "/sent")])
async def test_only_trusted_proxies_are_believed(trusted: str, root_path: str) -> None:
    forwarded = [prefix("/sent"), ("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https")]
    scope = await scope_after("/model", *forwarded, trusted=trusted)
    assert scope["root_path"] == root_path
    assert scope["scheme"] == ("https" if root_path else "http")
    assert scope["client"][0] == ("203.0.113.9" if root_path else "127.0.0.1")
