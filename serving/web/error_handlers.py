"""Every error becomes an answer here: JSON, or a page for a browser."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from serving.errors import RequestError
from serving.web.auth import SENTENCE as KEY_WANTED
from serving.web.pages.render import root_path
from serving.web.requests.headers import VARY
from serving.web.requests.parsing import shown
from serving.web.requests.predict_request import kept_text
from serving.web.schemas import ErrorAnswer
from serving.web.state import prefers_page, service_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as HTTP tells it."""

    status: int
    code: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)


async def render_error(request: Request, error: Exception) -> Response:
    """The answer to an error: its status, code and sentence, as JSON or as a page by the request's `Accept`."""
    problem = _problem(request, error)
    request_id = request.state.request_id
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log_failure(request, problem, error)
    answer = ErrorAnswer(detail=problem.detail, code=problem.code, request_id=request_id)
    if prefers_page(request):
        return _page(request, problem, answer)
    headers = {**VARY, **problem.headers}
    return Response(answer.model_dump_json(), problem.status, headers, media_type="application/json")


def _problem(request: Request, error: Exception) -> Problem:
    path, method = shown(request.scope["path"]), shown(request.method)
    match error:
        case RequestError():
            return Problem(error.status, error.error_code, error.detail, error.headers)
        case HTTPException(status_code=404):
            return Problem(404, "not_found", f"There is nothing at {path}.")
        case HTTPException(status_code=405):
            allowed = _allowed(request, error)
            detail = f"{path} does not take {method}; accepted: {allowed}."
            return Problem(405, "method_not_allowed", detail, {"Allow": allowed})
        case HTTPException(status_code=401):
            return Problem(401, "unauthorized", KEY_WANTED, error.headers or {})
        case HTTPException(status_code=status) if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return Problem(status, "bad_request", f"{HTTPStatus(status).phrase}.", error.headers or {})
    return Problem(500, "internal_error", "The server failed to answer; its log has the fault under this request's id.")


def _allowed(request: Request, error: HTTPException) -> str:
    """The methods of every route at the path: the exception knows of the first one only (RFC 9110, section 15.5.6)."""
    path = getattr(request.scope.get("route"), "path", None)
    routes = [route for route in iter_route_contexts(request.app.routes) if route.path == path]
    methods = {method for route in routes for method in route.methods or ()}
    if not methods:
        return (error.headers or {}).get("Allow", "")
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _log_failure(request: Request, problem: Problem, error: Exception) -> None:
    level = logging.ERROR if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR else logging.WARNING
    unexpected = None if isinstance(error, RequestError) else error
    _log.log(
        level,
        "%s %s: %d %s, request %s",
        shown(request.method),
        shown(request.scope["path"]),
        problem.status,
        problem.code,
        request.state.request_id,
        exc_info=unexpected,
    )


def _page(request: Request, problem: Problem, answer: ErrorAnswer) -> Response:
    pages = service_of(request).pages
    submitted = request.method == "POST" and request.scope["path"] == f"{root_path(request)}/predict"
    if submitted and problem.status != HTTPStatus.UNAUTHORIZED:
        text = kept_text(request)
        return pages.refused_form(request, answer, text=text, status=problem.status, headers=problem.headers)
    return pages.error(request, answer, status=problem.status, headers=problem.headers)
