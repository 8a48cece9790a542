"""An example of every error, for the API's documentation."""

from collections.abc import Mapping
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
    408: {"body_too_slow": "The body was not whole after 10 seconds, the most that is waited for it."},
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
        "too_many_texts": "`texts` has 300 texts; at most 128 are accepted.",
        "explain_not_boolean": "`explain` is a string; accepted is true or false.",
        "explain_repeated": "The form has 2 fields `explain`; accepted is one or none.",
        "too_many_to_explain": "`texts` has 20 texts to be explained; at most 16 are accepted.",
    },
    500: {"internal_error": "The server failed to answer; its log has the fault under this request's id."},
    503: {
        "overloaded": "The queue is full: 192 texts wait or are in work, the most that are accepted at once. "
        "Try again shortly.",
        "deadline_exceeded": "The texts waited too long for their turn. Try again shortly.",
        "not_ready": "The service is shutting down and takes no more texts.",
    },
}
"""Status -> code -> the sentence, each as the service says it; but for files."""

FILE_EXAMPLES = {
    400: {
        "malformed_form": EXAMPLES[400]["malformed_form"],
        "not_utf8": "The form field is not UTF-8: byte 0xff at offset 0 cannot be decoded.",
    },
    408: {"body_too_slow": "The file came too slowly; accepted are 1,024 bytes a second, or 32,768 where others wait."},
    413: {"file_too_large": "The file is larger than 134,217,728 bytes, the most that is accepted."},
    415: EXAMPLES[415]
    | {"unsupported_media_type": "The Content-Type is 'text/plain'; accepted is multipart/form-data."},
    422: {
        "file_missing": "The form has no field `file`; its fields: 'other'.",
        "file_repeated": "The form has more than one file; accepted is one.",
        "file_unreadable": "The file cannot be used: it is empty; accepted: a header and rows.",
        "line_too_long": "The file cannot be used: line 2 has more than 1,048,576 bytes.",
        "text_column_unknown": "The file cannot be used: no column 'tweet'; found: 'id', 'text'; "
        "text_column names another.",
        "text_column_unclear": "The file cannot be used: it is not clear which column holds the texts; "
        "found: 'a', 'b'; name one as text_column.",
        "unknown_encoding": "The file cannot be used: unknown encoding 'klingon'; accepted: utf-8, latin-1, "
        "windows-1252, utf-16 and the like.",
        "unknown_delimiter": "The file cannot be used: unknown delimiter 'pipe'; accepted: comma, semicolon, tab.",
    },
    500: EXAMPLES[500],
    503: {
        "overloaded": "The service is at work on 8 files, the most that it takes at once. Try again shortly.",
        "not_ready": EXAMPLES[503]["not_ready"],
    },
}
"""The same for `/predict/csv`."""

Sentences = Mapping[int, Mapping[str, str]]


def examples(status: int, *codes: str, of: Sentences = EXAMPLES) -> dict[str, Any]:
    """OpenAPI's `examples` of a status: all of them, or those of these codes."""
    request_id = "0f8b5a0e6b7c4d0e9f3a1c5d7e2b4a68"
    return {
        code: {"summary": code, "value": {"detail": detail, "code": code, "request_id": request_id}}
        for code, detail in of[status].items()
        if not codes or code in codes
    }
