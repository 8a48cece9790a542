"""What the API's documentation says beyond what FastAPI sees in the handlers."""

from typing import Any, cast

from pydantic import BaseModel

from serving.content_type import FORM, JSON, MULTIPART
from serving.error_examples import examples
from serving.schemas import ErrorAnswer, PredictionAnswer, PredictionsAnswer, TextRequest, TextsRequest

Responses = dict[int | str, dict[str, Any]]

DESCRIPTION = """\
Classifies the sentiment of short texts.

Every error is `{"detail", "code", "request_id"}`: a sentence for people, a code for programs, and the id under which
the server logged the request. A client that prefers `text/html`, as a browser does, gets pages instead of JSON.

Any request can also be answered, always as JSON and before the connection is closed: 400 `malformed_request`, where
what was sent is not HTTP/1.1; 431 `headers_too_large`, above MAX_HEADER_BYTES (16 KiB unless set); and 503
`too_many_connections`, above MAX_CONNECTIONS (1,000 unless set), with `Retry-After`.
"""


def _errors(*codes: str, **descriptions: str) -> Responses:
    """The documentation of `status_400="..."` and the like, with examples of these codes or all of the status."""
    statuses = {int(name.removeprefix("status_")): description for name, description in descriptions.items()}
    return {
        status: {
            "model": ErrorAnswer,
            "description": description,
            "content": {JSON: {"examples": examples(status, *codes)}},
        }
        for status, description in statuses.items()
    }


def _examples(**models: type[BaseModel]) -> dict[str, Any]:
    """OpenAPI's `examples`: those that the schemas have, under these names; a second one is with an explanation."""
    found = {}
    for name, model in models.items():
        # Not from the generated schema, which sorts their keys.
        plain, *explained = cast(dict[str, Any], model.model_config["json_schema_extra"])["examples"]
        summary = f"{name.capitalize()} text{'s' if name == 'several' else ''}"
        found[name] = {"summary": summary, "value": plain}
        found |= {f"{name}_explained": {"summary": f"{summary}, explained", "value": value} for value in explained}
    return found


PREDICT_AS_PAGE: Responses = {
    200: {
        "description": "The prediction; for several texts the predictions, in the order of the request.",
        "content": {
            "text/html": {"schema": {"type": "string"}},
            JSON: {"examples": _examples(one=PredictionAnswer, several=PredictionsAnswer)},
        },
    }
}

MODEL_AS_PAGE: Responses = {
    200: {
        "description": "The metadata; for a browser a page about the model.",
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
}

# By reference, for FastAPI would document a model under the media type of the route's own answer: HTML, or plain text.
KEY_ERRORS: Responses = {
    401: {
        "description": "An API key is wanted, where the operator has set any. Code: `unauthorized`.",
        "content": {
            JSON: {"schema": {"$ref": f"#/components/schemas/{ErrorAnswer.__name__}"}, "examples": examples(401)}
        },
    }
}

NOT_READY = _errors(
    "not_ready",
    status_503="Predictions cannot be answered for now; `Retry-After` says when to try again. Code: `not_ready`.",
)

PREDICT_ERRORS = _errors(
    status_400=("The body cannot be parsed. Codes: `not_json`, `json_too_deep`, `not_utf8`, `malformed_form`."),
    status_408="The body did not come within CLIENT_TIMEOUT (10 seconds unless set). Code: `body_too_slow`.",
    status_413="The body has more than MAX_BODY_BYTES bytes (1 MiB unless configured). Code: `body_too_large`.",
    status_415=(
        "The body is of another type, charset or encoding than the three. Codes: `unsupported_media_type`, "
        "`unsupported_charset`, `unsupported_content_encoding`."
    ),
    status_422=(
        "The body holds no text that can be classified. Codes: `not_an_object`, `unknown_key`, `text_missing`, "
        "`text_repeated`, `text_and_texts`, `text_not_string`, `text_blank`, `text_too_long`, `text_not_unicode`, "
        "`texts_not_array`, `texts_empty`, `too_many_texts`, `explain_not_boolean`, `explain_repeated`, "
        "`too_many_to_explain`."
    ),
    status_500="The server failed; its log has the fault under the request's id. Code: `internal_error`.",
    status_503=(
        "The queue is full, the texts waited longer than DEADLINE, or the service is stopping; `Retry-After` says when "
        "to try again. Codes: `overloaded`, `deadline_exceeded`, `not_ready`."
    ),
)

# Other fields of a form, such as a button's, are ignored; other keys of JSON are refused.
_FORM_BODY = {
    "schema": TextRequest.model_json_schema() | {"additionalProperties": True},
    "examples": _examples(one=TextRequest),
}

PREDICT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {
                "schema": {"oneOf": [TextRequest.model_json_schema(), TextsRequest.model_json_schema()]},
                "examples": _examples(one=TextRequest, several=TextsRequest),
            },
            FORM: _FORM_BODY,
            MULTIPART: _FORM_BODY,
        },
    }
}
