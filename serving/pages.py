"""The HTML pages. They hold no script and no inline style, so that the strictest content policy lets them work."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.templating import Jinja2Templates

from serving import __version__
from serving.negotiation import VARY
from serving.schemas import ErrorAnswer, PredictedText

SAFE = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Pages:
    """Renders the pages of one service.

    Args:
        model_version: shown in the form page's footer.
        max_text_chars: how much the form's box takes.
        max_file_bytes: how large a file may be.
    """

    def __init__(self, *, model_version: str, max_text_chars: int, max_file_bytes: int) -> None:
        self._model_version = model_version
        self._max_text_chars = max_text_chars
        self._max_file_bytes = max_file_bytes
        loader = FileSystemLoader(Path(__file__).parent / "templates")
        environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, lstrip_blocks=True)
        environment.filters["percent"] = "{:.1%}".format
        self._templates = Jinja2Templates(env=environment)

    def form(self, request: Request, *, text: str = "", answers: Sequence[PredictedText] = ()) -> HTMLResponse:
        """The form, with `text` in its box, and what the model made of it."""
        return self._render(request, "predict.html", self._form_context(text) | {"answers": answers})

    def refused_form(
        self, request: Request, error: ErrorAnswer, *, text: str, status: int, headers: Mapping[str, str]
    ) -> HTMLResponse:
        """The form with an error's sentence and the text that the client sent."""
        context = self._form_context(text) | {"error": error}
        return self._render(request, "predict.html", context, status, headers)

    def error(self, request: Request, error: ErrorAnswer, *, status: int, headers: Mapping[str, str]) -> HTMLResponse:
        """A page that holds nothing but an error."""
        context = {"error": error, "title": HTTPStatus(status).phrase}
        return self._render(request, "error.html", context, status, headers)

    def _form_context(self, text: str) -> dict[str, Any]:
        return {
            "text": text,
            "answers": (),
            "error": None,
            "max_text_chars": self._max_text_chars,
            "max_file_bytes": self._max_file_bytes,
            "model_version": self._model_version,
        }

    def _render(
        self,
        request: Request,
        name: str,
        context: dict[str, Any],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> HTMLResponse:
        context |= {"root": root_path(request), "version": __version__}
        return self._templates.TemplateResponse(request, name, context, status, {**VARY, **SAFE, **(headers or {})})


def root_path(request: Request) -> str:
    """The prefix of every path of this service, where a proxy has put it under one; without a slash at its end."""
    # Inside a mount, `root_path` is the mount's.
    root: str = request.scope.get("app_root_path", request.scope.get("root_path", ""))
    return root.rstrip("/")
