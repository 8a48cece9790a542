"""The HTML pages. They hold no inline script or style, so that the strictest content policy lets them work."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.templating import Jinja2Templates

from serving import __version__
from serving.model.metadata import Metadata
from serving.settings import Settings
from serving.web.pages.docs_page import json_command, operations
from serving.web.pages.highlights import Highlights
from serving.web.pages.model_page import ModelFacts, Report
from serving.web.requests.headers import VARY
from serving.web.schemas import ErrorAnswer, PredictedText

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
        loader = FileSystemLoader(Path(__file__).parents[1] / "templates")
        environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, lstrip_blocks=True)
        environment.trim_blocks = True
        environment.filters |= {"percent": "{:.1%}".format, "points": points, "figure": figure}
        environment.filters |= {"highlights": Highlights.of, "code": code}
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

    def model(self, request: Request, report: Report | None) -> HTMLResponse:
        """What the model is, how good it is and what it learned from."""
        context = {
            "metadata": self._metadata,
            "facts": ModelFacts.of(self._metadata),
            "report": report,
            "url": f"{_origin(request)}/model",
            "model_version": self._metadata.model_version,
        }
        return self._render(request, "model.html", context)

    def docs(self, request: Request, document: Mapping[str, Any]) -> HTMLResponse:
        """How to ask the API, by its OpenAPI document."""
        context = {
            "description": document["info"]["description"],
            "operations": operations(document, _origin(request)),
        }
        return self._render(request, "docs.html", context)

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
            "is_sentiment": self._metadata.is_sentiment,
            "answers": (),
            "error": None,
            "command": None,
            "shown_classes": SHOWN_CLASSES,
            "examples": list(dict.fromkeys(filter(str.strip, examples)))[:_EXAMPLES],
            "max_text_chars": self._settings.max_text_chars,
            "max_file_bytes": self._settings.max_file_bytes,
            "model_version": self._metadata.model_version,
        }

    def _command(self, request: Request, answer: PredictedText) -> str:
        url = f"{_origin(request)}/predict"
        body = {"text": answer.text} | ({"explain": True} if answer.explained else {})
        return json_command(url, body, keyed=bool(self._settings.api_keys))

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
            "has_docs": self._settings.docs,
            "here": name.removesuffix(".html"),
        }
        return self._templates.TemplateResponse(request, name, context, status, {**VARY, **SAFE, **(headers or {})})


def points(weight: float) -> str:
    """A weight as percentage points: with its sign, a true minus, and one digit."""
    return f"{weight * 100:+.1f}".replace("-", "−")


def figure(value: float) -> str:
    """A whole number with its thousands apart, any other with three digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def code(text: str) -> Markup:
    """Markdown's `code` as HTML; all else stays text."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _origin(request: Request) -> str:
    """Where the client found this service, prefix included."""
    host = request.headers.get("host", "localhost")
    return f"{request.scope['scheme']}://{host}{root_path(request)}"


def root_path(request: Request) -> str:
    """The prefix of every path of this service, where a proxy has put it under one; without a slash at its end."""
    # Inside a mount, `root_path` is the mount's.
    root: str = request.scope.get("app_root_path", request.scope.get("root_path", ""))
    return root.rstrip("/")
