"""What the API's documentation says beyond what FastAPI sees in the handlers."""

from typing import Any

from serving.body import FORM, JSON, MULTIPART
from serving.schemas import ErrorAnswer, TextRequest, TextsRequest

Responses = dict[int | str, dict[str, Any]]

DESCRIPTION = """\
Classifies the sentiment of short texts.

Every error is `{"detail", "code", "request_id"}`: a sentence for people, a code for programs, and the id under which
the server logged the request. A client that prefers `text/html`, as a browser does, gets pages instead of JSON.
"""


def _errors(**descriptions: str) -> Responses:
    """The documentation of `status_400="..."` and the like."""
    return {
        int(name.removeprefix("status_")): {"model": ErrorAnswer, "description": description}
        for name, description in descriptions.items()
    }


AS_PAGE: Responses = {
    200: {
        "description": "The prediction; for several texts the predictions, in the order of the request.",
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
}

# By reference, for FastAPI would document a model under the media type of the route's own answer: HTML, or plain text.
KEY_ERRORS: Responses = {
    401: {
        "description": "An API key is wanted, where the operator has set any. Code: `unauthorized`.",
        "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{ErrorAnswer.__name__}"}}},
    }
}

NOT_READY = _errors(
    status_503="Predictions cannot be answered for now; `Retry-After` says when to try again. Code: `not_ready`."
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
_FORM_BODY = {"schema": TextRequest.model_json_schema() | {"additionalProperties": True}}

PREDICT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            FORM: _FORM_BODY,
            MULTIPART: _FORM_BODY,
            JSON: {"schema": {"oneOf": [TextRequest.model_json_schema(), TextsRequest.model_json_schema()]}},
        },
    }
}
