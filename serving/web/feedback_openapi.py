"""OpenAPI documentation of the routes of corrections: as arguments of FastAPI's routes."""

from typing import Any

from serving.web.auth import FEEDBACK_SENTENCE, NO_FEEDBACK_KEY
from serving.web.openapi import EXAMPLES, KEY_ERRORS, PREDICT_FAULTS, Sentences, errors, examples_of
from serving.web.requests.feedback_request import WANTED, CorrectionRequest, PageRequest
from serving.web.requests.headers import CSV, FORM, HTML, JSON, MULTIPART
from serving.web.schemas import CorrectionsAnswer, NotedAnswer

_CSV_EXAMPLE = (
    "text,label,predicted,model_version,note,created,id\n"
    "What a wonderful morning!,positive,negative,3f9a1c0be274,,2026-01-01T00:00:00+00:00,"
    "2c26b46b68ffc68ff99b453c1d304134\n"
)

# See `openapi.EXAMPLES`.
ADD_EXAMPLES: Sentences = {
    **{status: EXAMPLES[status] for status in (400, 408, 413, 415, 500)},
    403: {
        "cross_site": "The correction comes from another site's page; accepted are those of this service's own pages, "
        "and of the origins in ALLOWED_ORIGINS."
    },
    422: {
        "not_an_object": f"The JSON is an array; accepted is an object with {WANTED}.",
        "unknown_key": f"The JSON has the unknown key 'tweet'; accepted are {WANTED}.",
        "text_missing": f"The request has no `text`; accepted are {WANTED}.",
        "correct_missing": f"The request has no `correct`; accepted are {WANTED}.",
        "correct_repeated": "The form has several fields `correct`; accepted is one.",
        "text_not_string": "`text` is a number; accepted is a string.",
        "text_blank": EXAMPLES[422]["text_blank"],
        "text_too_long": EXAMPLES[422]["text_too_long"],
        "text_not_unicode": EXAMPLES[422]["text_not_unicode"],
        "note_too_long": "`note` has more than 1,000 characters.",
        "correct_unknown": "`correct` is 'great'; accepted are the model's labels: 'negative', 'neutral', 'positive'.",
    },
    503: {
        "feedback_unavailable": "Corrections cannot be read or kept for now. Try again shortly; "
        "the same correction sent again is kept once."
    },
}
READ_EXAMPLES: Sentences = {
    401: {"unauthorized": FEEDBACK_SENTENCE},
    403: {"feedback_key_not_set": NO_FEEDBACK_KEY},
    404: {"not_found": "There is nothing at '/feedback/2c26b46b68ffc68ff99b453c1d304134'."},
    422: {
        "limit_invalid": "`limit` is '0'; accepted is a whole number from 1 to 1,000.",
        "format_invalid": "`format` is 'xml'; accepted is json or csv.",
        "invalid_cursor": "`after` is no cursor; accepted is the one that the page before came with.",
    },
    500: EXAMPLES[500],
    503: ADD_EXAMPLES[503],
}
_UNAVAILABLE = "The database fails, is too slow, or too many wait for it; `Retry-After` says when to try again."
_OPERATORS = {
    401: "FEEDBACK_KEY is wanted.",
    403: "The operator has set no FEEDBACK_KEY.",
    500: PREDICT_FAULTS[500],
    503: _UNAVAILABLE,
}


def _body() -> dict[str, Any]:
    schema = CorrectionRequest.model_json_schema()
    examples = examples_of(CorrectionRequest, {"correction": "A correction", "whole": "With all that can be said"})
    # Other fields of a form, such as a button's, are ignored; other keys of JSON are refused.
    form = {"schema": schema | {"additionalProperties": True}, "examples": examples}
    content = {JSON: {"schema": schema, "examples": examples}, FORM: form, MULTIPART: form}
    return {"requestBody": {"required": True, "content": content}}


def _parameters() -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "description": schema.pop("description"), "schema": schema}
        for name, schema in PageRequest.model_json_schema()["properties"].items()
    ]


ADDED: dict[str, Any] = {
    "summary": "Correct an answer, or confirm it",
    "status_code": 201,
    "response_model": NotedAnswer,
    "responses": {
        201: {
            "description": "The correction is kept. A browser gets a page.",
            "content": {HTML: {"schema": {"type": "string"}}, JSON: {}},
        },
        **KEY_ERRORS,
        **errors({403: "It comes from another site's page."}, ADD_EXAMPLES),
        **errors({status: PREDICT_FAULTS[status] for status in (400, 408, 413, 415, 500)}, ADD_EXAMPLES),
        **errors({422: "The correction cannot be taken.", 503: _UNAVAILABLE}, ADD_EXAMPLES),
    },
    "openapi_extra": _body(),
}
LISTED: dict[str, Any] = {
    "summary": "Read corrections, in pages",
    "response_model": CorrectionsAnswer,
    "responses": {
        200: {
            "description": "Some of them. As CSV they are a data file that training reads: `label` is the right one.",
            "headers": {
                "Link": {"description": "the next page, where there is one", "schema": {"type": "string"}},
            },
            "content": {JSON: {}, CSV: {"schema": {"type": "string"}, "example": _CSV_EXAMPLE}},
        },
        **errors(_OPERATORS | {422: "The query is wrong."}, READ_EXAMPLES),
    },
    "openapi_extra": {"parameters": _parameters()},
}
DELETED: dict[str, Any] = {
    "summary": "Delete a correction",
    "status_code": 204,
    "response_description": "It is gone.",
    "responses": errors(_OPERATORS | {404: "There is none of this id."}, READ_EXAMPLES),
    # Not left to FastAPI, which would document a refusal of its own for it.
    "openapi_extra": {"parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]},
}
