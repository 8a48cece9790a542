"""The busiest route, answered without FastAPI's router.

Matching a route, two exit stacks and solving the dependencies anew take most of the time of a request whose work is a
millisecond in another thread. None of it depends on the request where a route takes nothing but the request itself:
the order of its dependencies is then known at the start. They stay declared where they were, for the documentation
and as the one statement of what the route asks for.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


class LeanFastAPI(FastAPI):
    """Hands a request straight to the first of `user_middleware`.

    What FastAPI puts around that is an answer to errors, which that middleware gives, a limit on bodies, of which none
    is set, and OpenTelemetry. Where somebody has set the last up by the first request, and below a mount, every layer
    is kept.
    """

    _entry: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope.get("root_path"):
            await super().__call__(scope, receive, send)
            return
        if self._entry is None:
            self._entry = self._find_entry()
        scope["app"] = self
        await self._entry(scope, receive, send)

    def _find_entry(self) -> ASGIApp:
        if not self.user_middleware or self._native_telemetry.enabled():
            return super().__call__
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        layer = self.middleware_stack
        while not isinstance(layer, self.user_middleware[0].cls):  # type: ignore[arg-type]
            layer = layer.app  # type: ignore[attr-defined]
        return layer


Handler = Callable[[Request], Awaitable[Response]]

_ELSEWHERE = (
    "path_params", "query_params", "header_params", "cookie_params", "body_params", "websocket_param_name",
    "response_param_name", "background_tasks_param_name", "security_scopes_param_name",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unneeded:
    """A dependency whose result nobody takes, and the requests of which it is known that it lets them pass."""

    dependency: object
    passes: Callable[[Request], bool]


class DirectMiddleware:
    """Hands a request to the handler of its method and path; what has none, and all below a mount, goes on to `app`."""

    def __init__(self, app: ASGIApp, handlers: Mapping[tuple[str, str], tuple[object, Handler]]) -> None:
        self.app = app
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._handlers.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if found is None or scope.get("root_path"):
            await self.app(scope, receive, send)
            return
        scope["route"], handler = found
        response = await handler(Request(scope, receive, send))
        await response(scope, receive, send)


def direct(
    app: FastAPI, *wanted: tuple[str, str], unneeded: Unneeded | None = None
) -> dict[tuple[str, str], tuple[object, Handler]]:
    """The routes of the wanted methods and paths, and handlers that answer as they do.

    `unneeded`: a dependency that is left out for some requests.
    Raises LookupError where there is no such route, TypeError where it asks for more than the request.
    """
    routes = {
        (method, route.path or ""): route for route in iter_route_contexts(app.routes) for method in route.methods or ()
    }
    return {key: (routes[key], _compile(routes[key].dependant, unneeded)) for key in wanted}


def _compile(dependant: Dependant, unneeded: Unneeded | None) -> Handler:
    whole = compile_handler(dependant)
    if unneeded is None:
        return whole
    short, passes = compile_handler(dependant, unneeded.dependency), unneeded.passes

    def handle(request: Request) -> Awaitable[Response]:
        return short(request) if passes(request) else whole(request)

    return handle


def compile_handler(dependant: Dependant, without: object = None) -> Handler:
    """A route's endpoint with all of its dependencies, each called once, in the order in which FastAPI would.

    `without`: a dependency that is left out, with all that only it depends on.
    Raises TypeError where one of them takes anything but the request and other dependencies.
    """
    steps: list[_Step] = []
    _add_step(dependant, steps, without)
    if len(steps) == 1 and steps[0][1]:
        return steps[0][0]

    async def handle(request: Request) -> Response:
        results: list[Any] = []
        for call, request_name, dependencies in steps:
            arguments = {name: results[index] for name, index in dependencies}
            if request_name is not None:
                arguments[request_name] = request
            results.append(await call(**arguments))
        response: Response = results[-1]
        return response

    return handle


_Step = tuple[Callable[..., Awaitable[Any]], str | None, list[tuple[str, int]]]
"""What to call, under which name it takes the request, and under which it takes the results of earlier steps."""


def _add_step(dependant: Dependant, steps: list[_Step], without: object) -> int:
    refused = [name for name in _ELSEWHERE if getattr(dependant, name)]
    if refused or dependant.call is None:
        raise TypeError(f"{dependant.call} has {', '.join(refused)}; a direct route takes only the request")
    called = next((index for index, step in enumerate(steps) if step[0] == dependant.call), None)
    if called is not None:
        return called
    wanted = [inner for inner in dependant.dependencies if inner.call is not without]
    inner = [(one.name, _add_step(one, steps, without)) for one in wanted]
    request_name = dependant.request_param_name or dependant.http_connection_param_name
    steps.append((dependant.call, request_name, [(name, index) for name, index in inner if name]))
    return len(steps) - 1
