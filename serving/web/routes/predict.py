"""The form and the predictions."""

import asyncio
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import APIRouter, Depends, Response
from pydantic_core import to_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.errors import RequestError
from serving.web.auth import check_key, require_key
from serving.web.inputs.kinds import read_request
from serving.web.openapi import Documentation
from serving.web.requests.headers import JSON, VARY, joined, prefers_json
from serving.web.routes.home import links
from serving.web.schemas import json_answer
from serving.web.state import CurrentService, prefers_page, service_of

WATCH_AFTER = 0.5  # seconds; a watch costs more than the work of a lone text, which is done by then

T = TypeVar("T")


async def run_until_disconnect(request: Request, work: Coroutine[Any, Any, T], watch_after: float = WATCH_AFTER) -> T:
    """Do some work, which is cancelled when the client disconnects first.

    Args:
        request: whose client it is; its body must have been read.
        work: what is done.
        watch_after: seconds for which the client is not watched.

    Returns:
        The result of the work.

    Raises:
        ClientDisconnect: where the client has left.
        Exception: whatever the work raises.
    """
    watch = _DisconnectWatch(request)
    timer = asyncio.get_running_loop().call_later(watch_after, watch.begin)
    try:
        return await work
    except asyncio.CancelledError:
        if watch.is_the_cause():
            raise ClientDisconnect from None
        raise
    finally:
        timer.cancel()
        watch.end()


class _DisconnectWatch:
    """Cancels the task that made it when the client disconnects, in the way of asyncio.timeout."""

    def __init__(self, request: Request) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._request, self._task = request, task
        self._cancelling = task.cancelling()
        self._watching: asyncio.Task[None] | None = None
        self._gone = False

    def begin(self) -> None:
        self._watching = asyncio.ensure_future(self._watch())

    def end(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None  # it refers to this: the two would stay until Python looks for cycles

    def is_the_cause(self) -> bool:
        """Whether the task was cancelled by this and by nobody else."""
        return self._gone and self._task.uncancel() <= self._cancelling

    async def _watch(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._task.cancel()


def router(documentation: Documentation) -> APIRouter:
    """The routes, as they are documented for a kind of input."""
    router = APIRouter(tags=["predictions"], dependencies=[Depends(require_key)])
    router.get("/predict", response_class=HTMLResponse, **documentation.form)(show_form)
    router.api_route("/predict/", methods=["GET", "POST"], include_in_schema=False)(remove_slash)
    router.post("/predict", **documentation.predict)(predict)
    return router


async def show_form(request: Request, service: CurrentService) -> Response:
    """A page that asks for a text and, where its scripts run, for a file; a program is told how to ask."""
    if prefers_json(joined(request.scope["headers"], b"accept")):
        kind = service.input
        usage = {"detail": kind.usage, "example": kind.example, "links": links(request, service.settings)}
        return Response(to_json(usage), headers=VARY, media_type=JSON)
    return service.pages.filled_form(request)


async def remove_slash(request: Request) -> Response:
    """Send whoever writes a slash at the end to the address without it, with what was sent along."""
    query = request.scope["query_string"].decode("latin-1")
    # Relative, so that it fits whatever a proxy has put in front; by 308, so that a POST stays one with its body.
    return RedirectResponse(f"../predict?{query}" if query else "../predict", HTTPStatus.PERMANENT_REDIRECT)


async def predict(request: Request) -> Response:
    """Answers JSON, or a page where the client prefers HTML, as a browser does."""
    # FastAPI solves no dependencies for the plain route, so what others are handed is asked for here.
    service = service_of(request)
    await check_key(request, service.settings)
    submitted = await read_request(request, service.input, service.settings, service.budget)
    batcher, rows = service.batcher, submitted.rows
    try:
        work = batcher.explain(rows) if submitted.explain else batcher.predict(rows)
        predictions = await run_until_disconnect(request, work)
    except RequestError as error:
        error.row = None if submitted.several else rows[0]
        raise
    service.metrics.count_predictions(predictions)
    answers = service.input.answers(submitted, predictions, service.settings.min_probability)
    if prefers_page(request):
        return service.pages.form(request, row=None if submitted.several else rows[0], answers=answers)
    return json_answer(answers, service.metadata.model_version, several=submitted.several)


class PlainRouteMiddleware:
    """Answers the busiest route by Starlette's router alone, and leaves all else to FastAPI.

    FastAPI's own like of it is left as its documentation: to solve dependencies takes longer than all else that is done
    for a text on the event loop.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._route = Route("/predict", predict, methods=["POST"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI)."""
        match, child_scope = self._route.matches(scope)
        if match is Match.FULL:
            scope.update(child_scope, route=self._route)
            await self._route.handle(scope, receive, send)
        else:
            await self.app(scope, receive, send)
