"""Error handlers: every error becomes an answer, JSON or a page for a browser."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Mount

from serving.errors import FieldFault, InferenceFailed, RequestError, Unauthorized
from serving.web.auth import SENTENCE as KEY_WANTED
from serving.web.inputs.fields_schemas import FieldsErrorAnswer
from serving.web.pages.render import root_path
from serving.web.requests.headers import VARY
from serving.web.requests.parsing import shown
from serving.web.schemas import ErrorAnswer
from serving.web.state import prefers_page, service_of

_log = logging.getLogger(__name__)


# Status -> (code, title, sentence) of the framework's own errors. Any other below 500 is a "bad_request".
_HTTP_ERRORS = {
    401: ("unauthorized", Unauthorized.title, KEY_WANTED),
    404: ("not_found", "There is nothing here", "There is nothing at {path}."),
    405: ("method_not_allowed", "That cannot be done here", "{path} does not take {method}; accepted: {allowed}."),
}
_MAX_COLUMNS = 100  # names in an answer, as many as one would look through
# Titles of errors that say more than their class's.
_TITLES = {
    "text_missing": "There is no text",
    "text_blank": "The text is empty",
    "text_too_long": "The text is too long",
    "too_many_texts": "There are too many texts",
    "fields_empty": "The form is empty",
    "too_many_rows": "There are too many rows",
    "deadline_exceeded": "The service was too busy",
}
# Where the page's forms go: an error of theirs comes with the page, so that another try needs no way back.
_FORMS = {"/predict", "/predict/file", "/predict/csv"}
_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as HTTP tells it."""

    status: int
    code: str
    title: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    columns: Sequence[str] = ()
    faults: tuple[FieldFault, ...] = ()


async def render_error(request: Request, error: Exception) -> Response:
    """Answer an error with its status, code and sentence, as JSON or as a page by the request's `Accept`."""
    problem = _problem(request, error)
    request_id = request.state.request_id
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log_failure(request, problem, error)
    columns = list(problem.columns[:_MAX_COLUMNS])
    answer = FieldsErrorAnswer(
        detail=problem.detail, code=problem.code, request_id=request_id, columns=columns, fields=problem.faults
    )
    if prefers_page(request):
        return _page(request, problem, answer, getattr(error, "row", None))
    headers = {**VARY, **problem.headers}
    return Response(
        answer.model_dump_json(exclude_defaults=True), problem.status, headers, media_type="application/json"
    )


def _problem(request: Request, error: Exception) -> Problem:
    if isinstance(error, RequestError):
        title = _TITLES.get(error.error_code, error.title)
        columns, faults = getattr(error, "columns", ()), getattr(error, "faults", ())
        return Problem(error.status, error.error_code, title, error.detail, error.headers, columns, faults)
    if not isinstance(error, HTTPException) or error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        detail = "The server failed to answer; its log has the fault under this request's id."
        return Problem(500, "internal_error", InferenceFailed.title, detail)
    status, headers = error.status_code, dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = _allowed(request) or headers.get("Allow", "")
    code, title, sentence = _HTTP_ERRORS.get(
        status, ("bad_request", RequestError.title, f"{HTTPStatus(status).phrase}.")
    )
    path, method, allowed = shown(request.scope["path"]), shown(request.method), headers.get("Allow")
    return Problem(status, code, title, sentence.format(path=path, method=method, allowed=allowed), headers)


def _allowed(request: Request) -> str:
    """List the methods of every route at the path: the exception knows of the first only (RFC 9110, section 15.5.6)."""
    routes = [route for route in request.app.router.routes if not isinstance(route, Mount)]
    scopes = {method: {**request.scope, "method": method} for method in _METHODS}
    methods = {method for method, scope in scopes.items() for route in routes if route.matches(scope)[0] is Match.FULL}
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


def _page(request: Request, problem: Problem, answer: ErrorAnswer, row: object) -> Response:
    pages, title, status, headers = service_of(request).pages, problem.title, problem.status, problem.headers
    path = request.scope["path"].removeprefix(root_path(request))
    if request.method != "POST" or path not in _FORMS or status == HTTPStatus.UNAUTHORIZED:
        return pages.error(request, answer, title, status=status, headers=headers)
    if path == "/predict":
        return pages.refused_form(request, answer, title, row=row, status=status, headers=headers)
    columns = answer.columns
    return pages.refused_file(request, answer, title, columns=columns, status=status, headers=headers)
