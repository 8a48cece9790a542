"""OpenAPI documentation: descriptions, request bodies, and an example of each request and error."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import BaseModel

from serving.tables.dialect import DELIMITERS, HEADERS
from serving.web.requests.headers import CSV, FORM, JSON, MULTIPART
from serving.web.requests.predict_request import TextRequest, TextsRequest
from serving.web.schemas import ErrorAnswer, PredictionAnswer, PredictionsAnswer, UsageAnswer

Sentences = Mapping[int, Mapping[str, str]]

# Status -> code -> the sentence, each as the service says it, of all routes but that for files.
EXAMPLES: Sentences = {
    400: {
        "not_json": "The body is not JSON: it breaks off or goes wrong at line 1, column 10.",
        "json_too_deep": "The JSON is nested too deeply.",
        "not_utf8": "The form's percent-encoded bytes are not UTF-8.",
        "malformed_form": "The multipart body ends before its closing boundary.",
        "field_without_equals": "The form's field 'B' has no `=`. If it belongs to a text: a & inside a text is "
        "written %26, which `curl --data-urlencode` does by itself.",
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
        "unknown_key": "The JSON has the unknown key 'tweet'; accepted are 'text', 'texts', 'explain', "
        "'min_probability' and 'partial'.",
        "text_missing": "The JSON has neither `text` nor `texts`; accepted is one of them.",
        "text_repeated": 'The form has 2 fields `text`; accepted is one. Several texts go as JSON: {"texts": [...]}.',
        "text_and_texts": "The JSON has both `text` and `texts`; accepted is one of them.",
        "text_not_string": "`text` is a number; accepted is a string.",
        "text_blank": "`text` holds only white space or characters that nobody sees; accepted is a text with something "
        "to read.",
        "text_too_long": "`text` has 12,345 characters; at most 10,000 are accepted.",
        "text_not_unicode": "`text` has a lone surrogate (U+D83D) at character 5, which is no Unicode text; "
        "accepted are whole characters.",
        "texts_not_array": "`texts` is a string; accepted is an array of strings.",
        "texts_empty": "`texts` is empty; accepted is at least one text.",
        "too_many_texts": "`texts` has 300 texts; at most 128 are accepted.",
        "explain_not_boolean": "`explain` is a string; accepted is true or false.",
        "explain_repeated": "The form has 2 fields `explain`; accepted is one or none.",
        "min_probability_invalid": "`min_probability` is 1.5; accepted is a number from 0 to 1.",
        "min_probability_repeated": "The form has 2 fields `min_probability`; accepted is one or none.",
        "partial_not_boolean": "`partial` is a string; accepted is true or false.",
        "partial_without_texts": "`partial` goes with `texts`; a request with `text` is answered or refused as a "
        "whole.",
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

# The same for `/predict/file`.
FILE_EXAMPLES: Sentences = {
    400: {
        "malformed_form": EXAMPLES[400]["malformed_form"],
        "not_utf8": "The form field is not UTF-8: byte 0xff at offset 0 cannot be decoded.",
    },
    408: {"body_too_slow": "The file came too slowly; accepted are 16,384 bytes a second."},
    413: {"file_too_large": "The file is larger than 134,217,728 bytes, the most that is accepted."},
    415: {
        **EXAMPLES[415],
        "unsupported_media_type": "The Content-Type is 'text/plain'; accepted is multipart/form-data.",
    },
    422: {
        "file_missing": "The form has no field `file`; its fields: 'other'.",
        "file_repeated": "The form has more than one file; accepted is one.",
        "unknown_field": "The form has a field 'text_colum', which is unknown; accepted: file, text_column, delimiter, "
        "encoding, header, output_encoding, min_probability.",
        "min_probability_invalid": "`min_probability` is '1.5'; accepted is a number from 0 to 1.",
        "file_unreadable": "The file cannot be used: it is empty; accepted: rows, with a header above them or without.",
        "file_kind": "The file cannot be used: it is an Excel workbook, or another file in a zip archive, not CSV; "
        "accepted: the table saved or exported as CSV.",
        "not_utf8": "The file cannot be used: it is not UTF-8, as line 2 shows, and its encoding is not declared; "
        "accepted: its name, such as encoding windows-1252, which Excel writes on Windows; or utf-8, if only some "
        "bytes of it are broken.",
        "header_unclear": "The file cannot be used: its first row has 1 cell where others have 2; accepted: the names "
        "of the columns first, without a title above them, or header=false where there are none; and where each line "
        "is one text, a first line `text`.",
        "header_broken": "The file cannot be used: the header is not CSV: a quote inside of "
        "quotes is not written twice, or quotes begin in the middle of a cell.",
        "rows_missing": "The file cannot be used: it has no rows below its header.",
        "text_column_unknown": "The file cannot be used: no column is called 'tweet'; found: 'id', 'text'; name "
        "another as text_column, or by --text-column.",
        "text_column_unclear": "The file cannot be used: it is not clear which column holds the texts; "
        "found: 'column_1', 'column_2'; name one as text_column, or by --text-column. The first row is taken for the "
        "names of the columns. If it is a row like the others, say header=false.",
        "unknown_encoding": "The file cannot be used: unknown encoding 'klingon'; accepted: utf-8, latin-1, "
        "windows-1252, utf-16 and the like.",
        "unknown_delimiter": "The file cannot be used: unknown delimiter 'colon'; accepted: comma, semicolon, tab, "
        "pipe.",
        "unknown_header": "The file cannot be used: unknown header 'perhaps'; accepted: auto, true, false.",
    },
    500: EXAMPLES[500],
    503: {
        "overloaded": "The service is at work on 8 files, the most that it takes at once. Try again shortly.",
        "not_ready": EXAMPLES[503]["not_ready"],
    },
}


Responses = dict[int | str, dict[str, Any]]

DESCRIPTION = """\
Classifies the sentiment of short texts.

Every error is `{"detail", "code", "request_id"}`: a sentence for people, a code for programs, and the id under which
the server logged the request. A client that prefers `text/html`, as a browser does, gets pages instead of JSON.
Every answer has the request's id in `X-Request-ID` and the model's version in `X-Model-Version`.

Any request can also be answered, always as JSON and before the connection is closed: 400 `malformed_request`, where
what was sent is not HTTP/1.1; 431 `headers_too_large`, above MAX_HEADER_BYTES (16 KiB unless set); and 503
`too_many_connections`, above MAX_CONNECTIONS (1,000 unless set), with `Retry-After`.
"""


@dataclass(frozen=True, slots=True)
class Documentation:
    """What OpenAPI says of the API of a kind of input.

    Attributes:
        description: of the API.
        form: of `GET /predict`, as arguments of FastAPI's route.
        predict: of `POST /predict`, likewise.
        file: of `POST /predict/file`, likewise.
        schemas: by name, in place of those of the models of answers.
    """

    description: str
    form: Mapping[str, Any]
    predict: Mapping[str, Any]
    file: Mapping[str, Any]
    schemas: Mapping[str, Any] = field(default_factory=dict)


def errors(
    descriptions: Mapping[int, str], sentences: Sentences = EXAMPLES, model: type[ErrorAnswer] = ErrorAnswer
) -> Responses:
    """Document error answers: status -> description, with the codes and examples that the sentences give."""
    return {
        status: {
            "model": model,
            "description": f"{description} Code{'s' if len(sentences[status]) > 1 else ''}: "
            f"{', '.join(f'`{code}`' for code in sentences[status])}.",
            "content": {JSON: {"examples": _error_examples(sentences[status])}},
        }
        for status, description in descriptions.items()
    }


def _error_examples(sentences: Mapping[str, str]) -> dict[str, Any]:
    request_id = "0f8b5a0e6b7c4d0e9f3a1c5d7e2b4a68"
    return {
        code: {"summary": code, "value": {"detail": detail, "code": code, "request_id": request_id}}
        for code, detail in sentences.items()
    }


def examples_of(model: type[BaseModel], summaries: Mapping[str, str]) -> dict[str, Any]:
    """OpenAPI's `examples`: those that the schema has, by name, each with its summary."""
    # Not from the generated schema, which sorts their keys.
    values = cast(dict[str, Any], model.model_config["json_schema_extra"])["examples"]
    return {
        name: {"summary": summary, "value": value}
        for (name, summary), value in zip(summaries.items(), values, strict=True)
    }


ONE = {
    "one": "One text",
    "one_explained": "One text, explained",
    "one_uncertain": "One text, with the probability that its label should have",
}
PARTIAL = {"several_partial": "Several texts, of which one is refused"}
SEVERAL = {"several": "Several texts"}


def page_or_json(description: str, examples: Mapping[str, Any], **json: Any) -> Responses:
    """Document an answer that is a page or JSON. `json`: what else is said of the JSON."""
    content = {"text/html": {"schema": {"type": "string"}}, JSON: {"examples": examples, **json}}
    return {200: {"description": description, "content": content}}


def request_body(one: Mapping[str, Any], several: Mapping[str, Any], examples: object, form: object) -> dict[str, Any]:
    """Document the bodies of `POST /predict`: the schemas of JSON, their examples, and what is said of a form."""
    json_body = {"schema": {"oneOf": [one, several]}, "examples": examples}
    return {"requestBody": {"required": True, "content": {JSON: json_body, FORM: form, MULTIPART: form}}}


PREDICT_AS_PAGE = page_or_json(
    "The prediction; for several texts the predictions, in the order of the request.",
    examples_of(PredictionAnswer, ONE) | examples_of(PredictionsAnswer, SEVERAL | PARTIAL),
)

FORM_AS_JSON = page_or_json(
    "The page with the form; how to ask, for a client that prefers JSON.",
    examples_of(UsageAnswer, {"usage": "How to ask"}),
    # Not by reference: FastAPI names only the models of answers that it documents by itself.
    schema=UsageAnswer.model_json_schema(),
)

FORM_PARAMETERS: dict[str, Any] = {
    "parameters": [
        {
            "name": "text",
            "in": "query",
            "description": "what stands in the form's box. It is not classified before somebody sends the form",
            "schema": {"type": "string"},
        }
    ]
}

MODEL_AS_PAGE: Responses = {
    200: {
        "description": "The metadata; for a browser a page about the model.",
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
}

_KEY_WANTED = errors({401: "An API key is wanted, where the operator has set any."})[401]

# By reference, for FastAPI would document a model under the media type of the route's own answer: HTML, or plain text.
KEY_ERRORS: Responses = {
    401: {
        "description": _KEY_WANTED["description"],
        "content": {
            JSON: _KEY_WANTED["content"][JSON] | {"schema": {"$ref": f"#/components/schemas/{ErrorAnswer.__name__}"}}
        },
    }
}

NOT_READY = errors(
    {503: "Predictions cannot be answered for now; `Retry-After` says when to try again."},
    {503: {"not_ready": EXAMPLES[503]["not_ready"]}},
)

PREDICT_FAULTS = {
    400: "The body cannot be parsed.",
    408: "The body did not come within CLIENT_TIMEOUT (10 seconds unless set).",
    413: "The body has more than MAX_BODY_BYTES bytes (1 MiB unless configured).",
    415: "The body is of another type, charset or encoding than the three.",
    422: "The body holds no text that can be classified.",
    500: "The server failed; its log has the fault under the request's id.",
    503: "The queue is full, the texts waited longer than DEADLINE, or the service is stopping; `Retry-After` says "
    "when to try again.",
}
PREDICT_ERRORS = errors(PREDICT_FAULTS)

# Other fields of a form, such as a button's, are ignored; other keys of JSON are refused.
_FORM_BODY = {
    "schema": TextRequest.model_json_schema() | {"additionalProperties": True},
    "examples": examples_of(TextRequest, ONE),
}

PREDICT_BODY = request_body(
    TextRequest.model_json_schema(),
    TextsRequest.model_json_schema(),
    examples_of(TextRequest, ONE)
    | examples_of(TextsRequest, SEVERAL | {"several_explained": "Several texts, explained"} | PARTIAL),
    _FORM_BODY,
)


TSV, JSONL = "text/tab-separated-values", "application/jsonl"

_EXAMPLE = (
    "id,text,label,probability,p_negative,p_neutral,p_positive,truncated,in_vocabulary,error\n"
    "1,What a wonderful morning!,positive,0.9312,0.0201,0.0487,0.9312,false,1.0,\n"
    "2,,,,,,,,,no text\n"
)

_JSONL_EXAMPLE = (
    '{"id": 1, "text": "What a wonderful morning!", "label": "positive", "probability": 0.9312, "p_negative": 0.0201, '
    '"p_neutral": 0.0487, "p_positive": 0.9312, "truncated": false, "in_vocabulary": 1.0, "error": null}\n'
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
    "X-Notes": {
        "description": "what was decided about the file and not declared: percent-encoded sentences, one a line; "
        "absent where there are none",
        "schema": {"type": "string"},
    },
}

FILE_ANSWER: Responses = {
    200: {
        "description": (
            "The file, in the kind that came, with `label`, `probability`, a `p_<label>` for each label, `truncated`, "
            "`in_vocabulary` and `error` added, all of them named `predicted_...` where the file has such a column. "
            "Where `min_probability` is sent, or MIN_PROBABILITY set, `uncertain` stands before `error`. "
            "What was there is as it was written, in UTF-8 unless `output_encoding` says otherwise. A row that cannot "
            "be predicted has its reason in `error`. Every row has the width of the header: what is beyond is joined "
            "to its last cell, and `error` says so. An answer that breaks off, without the last chunk of its transfer "
            "coding, is not whole."
        ),
        "content": {
            CSV: {"schema": {"type": "string"}, "example": _EXAMPLE},
            TSV: {"schema": {"type": "string"}, "example": _EXAMPLE.replace(",", "\t")},
            JSONL: {"schema": {"type": "string"}, "example": _JSONL_EXAMPLE},
        },
        "headers": FILE_HEADERS,
    }
}


FILE_FAULTS = {
    400: "The body cannot be parsed.",
    408: "The file came too slowly.",
    413: "The file has more than MAX_FILE_BYTES bytes (128 MiB unless configured).",
    415: "The body is no multipart form.",
    422: "The file cannot be used.",
    500: "The server failed; its log has the fault under the request's id.",
    503: "The queue is full, MAX_UPLOADS files are in work, or the service is stopping; `Retry-After` says when to "
    "try again.",
}
FILE_ERRORS = errors(FILE_FAULTS, FILE_EXAMPLES)
FILE_SUMMARY = "Classify every row of a CSV, TSV or JSONL file"

FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {
                            "type": "string",
                            "contentMediaType": "application/octet-stream",
                            "description": "CSV, TSV or JSONL; a row for each text",
                        },
                        "text_column": {
                            "type": "string",
                            "default": "",
                            "description": "the column of texts. Default: the one with the name that the model was "
                            "trained on, else the only one whose name has `text`, `tweet` or the like, else the only "
                            "one that reads like sentences; never one of ids, dates, links or people",
                        },
                        "delimiter": {
                            "type": "string",
                            "enum": ["", *DELIMITERS],
                            "default": "",
                            "description": "what stands between cells. Default: as the file looks",
                        },
                        "encoding": {
                            "type": "string",
                            "default": "",
                            "description": "the file's character set, such as windows-1252. Default: as its byte-order "
                            "mark says, else UTF-8",
                        },
                        "header": {
                            "type": "string",
                            "enum": list(HEADERS),
                            "default": HEADERS[0],
                            "description": "whether the first row has the names of the columns; without one they are "
                            "column_1, column_2, ...",
                        },
                        "output_encoding": {
                            "type": "string",
                            "default": "",
                            "description": "the answer's character set. Default: UTF-8, with a byte-order mark where "
                            "the file has one or is in another encoding",
                        },
                        "min_probability": {
                            "type": "number",
                            "minimum": 0,
                            "maximum": 1,
                            "description": "where it is sent, each row has `uncertain`: whether its label has less "
                            "than this. Default: MIN_PROBABILITY, where that is set",
                        },
                    },
                },
                "examples": {"file": {"summary": "A file", "value": {"file": "@tweets.csv"}}},
            }
        },
    }
}

TEXTS = Documentation(
    DESCRIPTION,
    form={"summary": "The form", "responses": FORM_AS_JSON | KEY_ERRORS, "openapi_extra": FORM_PARAMETERS},
    predict={
        "summary": "Classify one text or several",
        "response_model": PredictionAnswer | PredictionsAnswer,
        "responses": PREDICT_AS_PAGE | KEY_ERRORS | PREDICT_ERRORS,
        "openapi_extra": PREDICT_BODY,
    },
    file={
        "summary": FILE_SUMMARY,
        "responses": FILE_ANSWER | KEY_ERRORS | FILE_ERRORS,
        "openapi_extra": FILE_BODY,
    },
)
