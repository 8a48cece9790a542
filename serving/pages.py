"""The HTML pages. They hold no inline script or style, so that the strictest content policy lets them work."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.templating import Jinja2Templates

from serving import __version__
from serving.commands import curl_command
from serving.highlights import Highlights
from serving.metadata import Metadata
from serving.negotiation import VARY
from serving.schemas import ErrorAnswer, PredictedText
from serving.settings import Settings

SAFE = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

SHOWN_CLASSES = 6
"""Where a model has more classes, those after the most probable are folded away."""

_EXAMPLES = 5


class Pages:
    """Renders the pages of one service, which serves the model of this metadata with these settings."""

    def __init__(self, metadata: Metadata, settings: Settings) -> None:
        self._metadata = metadata
        self._settings = settings
        loader = FileSystemLoader(Path(__file__).parent / "templates")
        environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, lstrip_blocks=True)
        environment.trim_blocks = True
        environment.filters |= {"percent": "{:.1%}".format, "points": points, "highlights": Highlights.of}
        self._templates = Jinja2Templates(env=environment)

    def form(self, request: Request, *, text: str = "", answers: Sequence[PredictedText] = ()) -> HTMLResponse:
        """The form, with `text` in its box, and what the model made of it."""
        context = self._form_context(text) | {"answers": answers}
        if len(answers) == 1:
            context["command"] = self._command(request, answers[0])
        return self._render(request, "predict.html", context)

    def refused_form(
        self, request: Request, error: ErrorAnswer, *, text: str, status: int, headers: Mapping[str, str]
    ) -> HTMLResponse:
        """The form with an error's sentence and the text that the client sent."""
        context = self._form_context(text) | {"error": error, "retry_after": headers.get("Retry-After")}
        return self._render(request, "predict.html", context, status, headers)

    def error(self, request: Request, error: ErrorAnswer, *, status: int, headers: Mapping[str, str]) -> HTMLResponse:
        """A page that holds nothing but an error."""
        context = {
            "error": error,
            "title": HTTPStatus(status).phrase,
            "retry_after": headers.get("Retry-After"),
        }
        return self._render(request, "error.html", context, status, headers)

    def _form_context(self, text: str) -> dict[str, Any]:
        # A bundle's known answers are sentences of its author's own, and about what the model is for.
        examples = [answer.text for answer in self._metadata.known_answers]
        return {
            "text": text,
            "answers": (),
            "error": None,
            "command": None,
            "shown_classes": SHOWN_CLASSES,
            "examples": list(dict.fromkeys(filter(str.strip, examples)))[:_EXAMPLES],
            "max_text_chars": self._settings.max_text_chars,
        }

    def _command(self, request: Request, answer: PredictedText) -> str:
        host = request.headers.get("host", "localhost")
        url = f"{request.scope['scheme']}://{host}{root_path(request)}/predict"
        return curl_command(url, answer.text, explain=answer.explained, keyed=bool(self._settings.api_keys))

    def _render(
        self,
        request: Request,
        name: str,
        context: dict[str, Any],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> HTMLResponse:
        context |= {
            "root": root_path(request),
            "version": __version__,
            "model_version": self._metadata.model_version,
            "has_docs": self._settings.docs,
            "here": name.removesuffix(".html"),
        }
        return self._templates.TemplateResponse(request, name, context, status, {**VARY, **SAFE, **(headers or {})})


def points(weight: float) -> str:
    """A weight as percentage points: with its sign, a true minus, and one digit."""
    return f"{weight * 100:+.1f}".replace("-", "−")


def root_path(request: Request) -> str:
    """The prefix of every path of this service, where a proxy has put it under one; without a slash at its end."""
    # Inside a mount, `root_path` is the mount's.
    root: str = request.scope.get("app_root_path", request.scope.get("root_path", ""))
    return root.rstrip("/")
