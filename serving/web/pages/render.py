"""Jinja2 pages. They hold no inline script or style, so that the strictest content policy lets them work."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.templating import Jinja2Templates

from serving import __version__
from serving.errors import FieldFault
from serving.model.inputs.fields import FieldsInput
from serving.model.metadata import Metadata
from serving.settings import Settings
from serving.web.inputs.fields_schemas import plain
from serving.web.pages.forms import FieldsForm, TextForm
from serving.web.pages.highlights import Highlights, marked_fields
from serving.web.pages.model_page import ModelFacts, Report
from serving.web.requests.headers import VARY
from serving.web.schemas import Answer, ErrorAnswer

PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

# What a file that is not UTF-8 most often is: Excel on Windows saves CSV so.
LIKELY_ENCODING = "Windows-1252"

_SHOWN_CLASSES = 6  # the others of a model that has more are folded away


class Pages:
    """Renders the pages of one service.

    Args:
        metadata: the model's.
        settings: the service's.
        fields: of the model; None where its input is a text.
    """

    def __init__(self, metadata: Metadata, settings: Settings, fields: FieldsInput | None = None) -> None:
        self._metadata = metadata
        self._settings = settings
        self._fields = fields
        self._form = FieldsForm(metadata, fields) if fields else TextForm(metadata, settings.max_text_chars)
        loader = FileSystemLoader(Path(__file__).parents[1] / "templates")
        environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, lstrip_blocks=True)
        environment.trim_blocks = True
        environment.filters |= {"percent": "{:.1%}".format, "points": points, "figure": figure}
        environment.filters |= {"highlights": Highlights.of, "marked_fields": marked_fields, "plain": plain}
        self._templates = Jinja2Templates(env=environment)

    def filled_form(self, request: Request) -> HTMLResponse:
        """The form, filled as the request's address says."""
        return self.form(request, row=request.query_params)

    def form(self, request: Request, *, row: object = None, answers: Sequence[Answer] = ()) -> HTMLResponse:
        """The form, with `row` in it, and what the model made of it."""
        context = self._form_context(row) | {"answers": answers}
        if len(answers) == 1 and "label" in answers[0]:
            context["command"] = self._command(request, answers[0])
        return self._render(request, "predict.html", context)

    def refused_form(
        self,
        request: Request,
        error: ErrorAnswer,
        title: str,
        *,
        row: object,
        status: int,
        headers: Mapping[str, str],
    ) -> HTMLResponse:
        """The form with an error's sentence and, in it, what the client sent."""
        context = self._form_context(row, getattr(error, "fields", ())) | {"error": error, "title": title}
        context["retry_after"] = headers.get("Retry-After")
        return self._render(request, "predict.html", context, status, headers)

    def refused_file(
        self,
        request: Request,
        error: ErrorAnswer,
        title: str,
        *,
        columns: Sequence[str],
        status: int,
        headers: Mapping[str, str],
    ) -> HTMLResponse:
        """The form with an error about a file, and what may mend it: its columns to choose from, or an encoding."""
        is_other_encoding = (status, error.code) == (HTTPStatus.UNPROCESSABLE_ENTITY, "not_utf8")
        context = self._form_context() | {
            "file_error": error,
            "title": title,
            "columns": columns,
            "encoding": LIKELY_ENCODING if is_other_encoding else "",
            "retry_after": headers.get("Retry-After"),
        }
        return self._render(request, "predict.html", context, status, headers)

    def model(self, request: Request, report: Report | None) -> HTMLResponse:
        """What the model is, how good it is and what it learned from."""
        context = {
            "metadata": self._metadata,
            "fields": self._fields and self._fields.fields,
            "facts": ModelFacts.of(self._metadata),
            "report": report,
            "url": f"{_origin(request)}/model",
            "model_version": self._metadata.model_version,
        }
        return self._render(request, "model.html", context)

    def docs(self, request: Request) -> HTMLResponse:
        """Swagger UI on the service's OpenAPI document."""
        response = self._render(request, "swagger.html", {})
        # Its style sheet has small images in it.
        policy = PAGE_HEADERS["Content-Security-Policy"].replace("img-src 'self'", "img-src 'self' data:")
        response.headers["Content-Security-Policy"] = policy
        return response

    def noted(self, request: Request, correct: str) -> HTMLResponse:
        """Thanks for a correction, by which the label `correct` is right."""
        context = {"correct": correct, "model_version": self._metadata.model_version}
        return self._render(request, "noted.html", context, HTTPStatus.CREATED)

    def error(
        self, request: Request, error: ErrorAnswer, title: str, *, status: int, headers: Mapping[str, str]
    ) -> HTMLResponse:
        """A page that holds nothing but an error."""
        context = {"error": error, "title": title, "retry_after": headers.get("Retry-After")}
        return self._render(request, "error.html", context, status, headers)

    def _form_context(self, row: object = None, faults: Sequence[FieldFault] = ()) -> dict[str, Any]:
        return self._form.context(row, faults) | {
            "is_sentiment": self._metadata.is_sentiment,
            "answers": (),
            "error": None,
            "command": None,
            "file_error": None,
            "columns": (),
            "encoding": "",
            "likely_encoding": LIKELY_ENCODING,
            "tones": sentiment_tones(self._metadata.labels),
            "shown_classes": _SHOWN_CLASSES,
            "max_file_bytes": self._settings.max_file_bytes,
            "asks_feedback": self._settings.feedback,
            "model_version": self._metadata.model_version,
        }

    def _command(self, request: Request, answer: Answer) -> str:
        url = f"{_origin(request)}/predict"
        row = {self._form.kind: answer[self._form.kind]}
        body = row | ({"explain": True} if "explanation" in answer else {})
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
            "root": relative_root(request),
            "kind": self._form.kind,
            "version": __version__,
            "has_docs": self._settings.docs,
            "here": name.removesuffix(".html"),
        }
        return self._templates.TemplateResponse(
            request, name, context, status, {**VARY, **PAGE_HEADERS, **(headers or {})}
        )


def points(weight: float) -> str:
    """Format a weight as percentage points: with its sign, a true minus, and one digit."""
    return f"{weight * 100:+.1f}".replace("-", "−")


def figure(value: float) -> str:
    """Format a whole number with its thousands apart, any other with three digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def json_command(url: str, body: object, *, keyed: bool = False) -> str:
    """Write the curl command, in one line for any POSIX shell, that posts a JSON body.

    Every character that a terminal might act on or not show is escaped as JSON does it.

    Args:
        url: where to.
        body: what is posted.
        keyed: the service wants an API key; the command then takes it from the variable API_KEY.
    """
    text = json.dumps(body, ensure_ascii=False)
    visible = "".join(character if character.isprintable() else json.dumps(character)[1:-1] for character in text)
    key = ' -H "X-API-Key: $API_KEY"' if keyed else ""
    # Not --json, which is only in curl 7.82 and later.
    return f"curl {shlex.quote(url)}{key} -H 'Content-Type: application/json' -d {shlex.quote(visible)}"


def _origin(request: Request) -> str:
    """Where the client found this service, prefix included."""
    host = request.headers.get("host", "localhost")
    return f"{request.scope['scheme']}://{host}{root_path(request)}"


def root_path(request: Request) -> str:
    """The prefix of every path of this service, where a proxy has put it under one; without a slash at its end."""
    # Inside a mount, `root_path` is the mount's.
    root: str = request.scope.get("app_root_path", request.scope.get("root_path", ""))
    return root.rstrip("/")


def relative_root(request: Request) -> str:
    """The way from a request's address to the service's first one: ".", "..", "../.." and so on.

    Pages use it, so that they have their style and forms behind every proxy that cuts a prefix off, also one that does
    not say so.
    """
    # As it was sent: in `path`, an escaped slash is a slash.
    raw_path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    depth = raw_path.count(b"/") - root_path(request).count("/") - 1
    return "/".join([".."] * depth) or "."


# A label's tone by its name, in any case: "Positive", "neg", "extremely negative", "-1". All others have none.
_DEGREE = r"((very|extremely|highly|strongly|mostly|slightly|somewhat|weakly)[ _-]*)?"
_TONES = {
    "good": re.compile(_DEGREE + r"pos(itive)?|\+?1", re.IGNORECASE),
    "bad": re.compile(_DEGREE + r"neg(ative)?|-1", re.IGNORECASE),
}


def sentiment_tones(labels: Sequence[str]) -> dict[str, str]:
    """Tell which labels are good and which are bad, for their colours and signs.

    Labels are sentiment only where there are good and bad ones: the 1 of "0" and "1" may mean anything.

    Returns:
        Label -> "good" or "bad", without the labels that are neither.
    """
    tones = {label: tone for label in labels for tone, names in _TONES.items() if names.fullmatch(label.strip())}
    return tones if set(tones.values()) == set(_TONES) else {}
