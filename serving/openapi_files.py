"""What the API's documentation says of files."""

from typing import Any

from serving.content_type import JSON, MULTIPART
from serving.error_examples import FILE_EXAMPLES, examples
from serving.openapi import Responses
from serving.schemas import ErrorAnswer

CSV = "text/csv"

_EXAMPLE = (
    "id,text,label,probability,p_negative,p_neutral,p_positive,error\n"
    "1,What a wonderful morning!,positive,0.9312,0.0201,0.0487,0.9312,\n"
    "2,,,,,,,no text\n"
)

FILE_HEADERS: dict[str, dict[str, Any]] = {
    "X-Text-Column": {
        "description": "the column that was read, percent-encoded",
        "schema": {"type": "string"},
    },
    "X-Label-Column": {
        "description": "the first of the added columns, percent-encoded",
        "schema": {"type": "string"},
    },
    "X-Expected-Bytes": {
        "description": "about how long the answer will be, for a progress bar",
        "schema": {"type": "integer"},
    },
}

FILE_ANSWER: Responses = {
    200: {
        "description": (
            "The file with `label`, `probability`, a `p_<label>` for each label and `error` added, all of them named "
            "`predicted_...` where the file has such a column. What was there is as it was written, in UTF-8. A row "
            "that cannot be predicted has its reason in `error`; cells beyond the last column follow that. An answer "
            "that breaks off, without the last chunk of its transfer coding, is not whole."
        ),
        "content": {CSV: {"schema": {"type": "string"}, "example": _EXAMPLE}},
        "headers": FILE_HEADERS,
    }
}


def _errors(descriptions: dict[int, str]) -> Responses:
    return {
        status: {
            "model": ErrorAnswer,
            "description": description,
            "content": {JSON: {"examples": examples(status, of=FILE_EXAMPLES)}},
        }
        for status, description in descriptions.items()
    }


FILE_ERRORS = _errors(
    {
        400: "The body cannot be parsed. Codes: `malformed_form`, `not_utf8`.",
        408: "The file came too slowly, or more slowly than others that wanted its place. Code: `body_too_slow`.",
        413: "The file has more than MAX_FILE_BYTES bytes (128 MiB unless configured). Code: `file_too_large`.",
        415: "The body is no multipart form. Codes: `unsupported_media_type`, `unsupported_charset`, "
        "`unsupported_content_encoding`.",
        422: "The file cannot be used. Codes: `file_missing`, `file_repeated`, `file_unreadable`, `line_too_long`, "
        "`text_column_unknown`, `text_column_unclear`, `unknown_encoding`, `unknown_delimiter`.",
        500: "The server failed; its log has the fault under the request's id. Code: `internal_error`.",
        503: "The queue is full, MAX_UPLOADS files are in work, or the service is stopping; `Retry-After` says when to "
        "try again. Codes: `overloaded`, `not_ready`.",
    }
)

FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "contentMediaType": "application/octet-stream",
                            "description": "a CSV with a header; a row for each text",
                        },
                        "text_column": {
                            "type": "string",
                            "description": "the column of texts. Default: the only one, else the one named `text`, "
                            "`tweet` or the like, else the one whose cells are far longer than the others'",
                        },
                        "delimiter": {
                            "type": "string",
                            "enum": ["comma", "semicolon", "tab"],
                            "description": "what stands between cells. Default: what parts the header into most cells",
                        },
                        "encoding": {
                            "type": "string",
                            "default": "utf-8",
                            "description": "the file's character set, such as windows-1252",
                        },
                    },
                },
                "examples": {"file": {"summary": "A file", "value": {"file": "@tweets.csv"}}},
            }
        },
    }
}
