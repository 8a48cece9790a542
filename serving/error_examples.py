"""An example of every error, for the API's documentation."""

from typing import Any

EXAMPLES = {
    400: {
        "not_json": "The body is not JSON: it breaks off or goes wrong at line 1, column 10.",
        "json_too_deep": "The JSON is nested too deeply.",
        "not_utf8": "The form's percent-encoded bytes are not UTF-8.",
        "malformed_form": "The multipart body ends before its closing boundary.",
    },
    401: {
        "unauthorized": "This needs one of the service's API keys: as `Authorization: Bearer KEY`, as "
        "`X-API-Key: KEY`, or as the password of HTTP Basic, with any user name.",
    },
    413: {"body_too_large": "The body has 2,000,000 bytes; at most 1,048,576 are accepted."},
    415: {
        "unsupported_media_type": "The Content-Type is 'text/plain'; accepted are application/x-www-form-urlencoded, "
        "multipart/form-data, application/json.",
        "unsupported_charset": "The charset is 'latin-1'; accepted is utf-8.",
        "unsupported_content_encoding": "The Content-Encoding is 'gzip'; accepted is none.",
    },
    422: {
        "not_an_object": 'The JSON is an array; accepted is an object with "text" or "texts".',
        "unknown_key": "The JSON has the unknown key 'tweet'; accepted are 'text', 'texts' and 'explain'.",
        "text_missing": "The JSON has neither `text` nor `texts`; accepted is one of them.",
        "text_repeated": 'The form has 2 fields `text`; accepted is one. Several texts go as JSON: {"texts": [...]}.',
        "text_and_texts": "The JSON has both `text` and `texts`; accepted is one of them.",
        "text_not_string": "`text` is a number; accepted is a string.",
        "text_blank": "`text` holds only white space; accepted is a text with something to read.",
        "text_too_long": "`text` has 12,345 characters; at most 10,000 are accepted.",
        "text_not_unicode": "`text` has a lone surrogate (U+D83D) at character 5, which is no Unicode text; "
        "accepted are whole characters.",
        "texts_not_array": "`texts` is a string; accepted is an array of strings.",
        "texts_empty": "`texts` is empty; accepted is at least one text.",
        "too_many_texts": "`texts` has 300 texts; at most 256 are accepted.",
        "explain_not_boolean": "`explain` is a string; accepted is true or false.",
        "explain_repeated": "The form has 2 fields `explain`; accepted is one or none.",
        "too_many_to_explain": "`texts` has 20 texts to be explained; at most 16 are accepted.",
    },
    500: {"internal_error": "The server failed to answer; its log has the fault under this request's id."},
    503: {
        "overloaded": "The queue is full: 1,024 texts wait or are in work and 1 more were sent; at most 1,024 are "
        "accepted at once. Try again shortly.",
        "not_ready": "The service is shutting down and takes no more texts.",
    },
}
"""Status -> code -> the sentence, each as the service says it."""


def examples(status: int, *codes: str) -> dict[str, Any]:
    """OpenAPI's `examples` of a status: all of them, or those of these codes."""
    request_id = "0f8b5a0e6b7c4d0e9f3a1c5d7e2b4a68"
    return {
        code: {"summary": code, "value": {"detail": detail, "code": code, "request_id": request_id}}
        for code, detail in EXAMPLES[status].items()
        if not codes or code in codes
    }
