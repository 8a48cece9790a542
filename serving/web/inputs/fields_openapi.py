"""OpenAPI documentation of a model of fields: its own fields as a schema, and its known answers as examples."""

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from serving.errors import InvalidFields
from serving.model.inputs.fields import NO_VALUE, CategoryField, FieldsInput, NumberField
from serving.model.metadata import Metadata
from serving.model.types import Prediction
from serving.settings import Settings
from serving.web import openapi
from serving.web.inputs import fields_schemas as schemas
from serving.web.requests.fields_request import OPTIONS, FieldsReader, FieldsRequest, RowsRequest
from serving.web.requests.headers import JSON, MULTIPART
from serving.web.requests.validation_errors import in_rows
from serving.web.schemas import Answer

USAGE = (
    'Predictions are asked for by POST to this address: with JSON, {"fields": {...}} or {"rows": [{...}, ...]}, or '
    "with a form that has the model's fields."
)
_FILE_ERRORS = {
    "columns_missing": "The file cannot be used: it has no column for {!r}; found: 'id', 'label'; accepted: a header "
    "with the name of each field, in any order, and other columns beside them.",
    "text_column_unused": "The file cannot be used: text_column, or --text-column, is 'tweet', and this model reads no "
    "texts; accepted: neither of them, and a column for each field, which is found by the field's name.",
}
_SUMMARIES = openapi.ONE | openapi.SEVERAL | openapi.PARTIAL
_ROW = {"$ref": f"#/components/schemas/{schemas.Row.__name__}"}


def documentation(fields: FieldsInput, metadata: Metadata) -> openapi.Documentation:
    """What OpenAPI says of the API of a model of fields.

    Args:
        fields: of the model.
        metadata: of the model.
    """
    row, answers = _row(fields.fields), example_answers(metadata)
    rows = [answer["fields"] for answer in answers]
    return openapi.Documentation(
        openapi.DESCRIPTION.replace("the sentiment of short texts", "rows of fields"),
        form={
            "summary": "The form",
            "description": "A page that asks for the fields, or for a file; a program is told how to ask. The address "
            "may have fields, as `?NAME=VALUE`: they stand in the form, and are not classified before that is sent.",
            "responses": _like(openapi.FORM_AS_JSON) | openapi.KEY_ERRORS,
        },
        predict={
            "summary": "Classify one row of fields or several",
            "response_model": schemas.RowAnswer | schemas.RowsAnswer,
            "responses": _answers(answers, metadata) | openapi.KEY_ERRORS | _refusals(fields, rows[0]),
            "openapi_extra": _body(row, rows),
        },
        file=_file(fields.fields[0].name),
        schemas={schemas.Row.__name__: row},
    )


def example_answers(metadata: Metadata) -> list[Answer]:
    """The known answers, as they are answered."""
    answers = []
    for known in schemas.known_rows(metadata):
        probabilities = dict(zip(metadata.labels, known.probabilities, strict=True))
        label = max(probabilities, key=probabilities.__getitem__)
        answers.append(schemas.predicted_row(known.fields, Prediction(label, probabilities[label], probabilities)))
    return answers


def _row(fields: Sequence[NumberField | CategoryField]) -> dict[str, Any]:
    """The schema of a row."""
    properties = {field.name: _property(field) for field in fields}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _property(field: NumberField | CategoryField) -> dict[str, Any]:
    told = {"description": f"{field.accepted}; missing where it is null"}
    if isinstance(field, CategoryField):
        return told | {"type": ["string", "null"], "enum": [*field.values, None]}
    bounds = {"minimum": field.minimum, "maximum": field.maximum}
    return told | {"type": ["number", "null"]} | {name: bound for name, bound in bounds.items() if bound is not None}


def _examples(**values: object) -> dict[str, Any]:
    return {name: {"summary": _SUMMARIES[name].replace("text", "row"), "value": values[name]} for name in values}


def _like(of_texts: openapi.Responses, **examples: object) -> openapi.Responses:
    return openapi.page_or_json(in_rows(of_texts[200]["description"]), _examples(**examples))


def _answers(answers: Sequence[Answer], metadata: Metadata) -> openapi.Responses:
    version = {"model_version": metadata.model_version}
    refused = schemas.refused_row(InvalidFields(detail=NO_VALUE, code="fields_empty"))
    return _like(
        openapi.PREDICT_AS_PAGE,
        one=answers[0] | version,
        several={"predictions": answers} | version,
        several_partial={"predictions": [answers[0], refused]} | version,
    )


def _body(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    one, several = FieldsRequest.model_json_schema(), RowsRequest.model_json_schema()
    properties = row["properties"] | {name: one["properties"][name] for name in OPTIONS}
    one["properties"]["fields"] |= _ROW
    several["properties"]["rows"]["items"] = _ROW
    fields = {"fields": rows[0]}
    examples = _examples(
        one=fields,
        one_explained=fields | {"explain": True},
        one_uncertain=fields | {"min_probability": 0.95},
        several={"rows": rows},
        several_partial={"rows": [rows[0], {}], "partial": True},
    )
    entered = {name: value for name, value in rows[0].items() if value is not None}
    form = {"schema": {**row, "properties": properties}, "examples": _examples(one=entered)}
    return openapi.request_body(one, several, examples, form)


def _refusals(fields: FieldsInput, row: Mapping[str, Any]) -> openapi.Responses:
    refusals = {error.error_code: error for error in _provoked(fields, row)}
    sentences = _in_rows(openapi.EXAMPLES) | {422: {code: error.detail for code, error in refusals.items()}}
    faults = {status: in_rows(sentence) for status, sentence in openapi.PREDICT_FAULTS.items()}
    responses = openapi.errors(faults, sentences, schemas.FieldsErrorAnswer)
    for code, example in responses[422]["content"][JSON]["examples"].items():
        example["value"] |= schemas.refused_row(refusals[code])["error"]
    return responses


def _provoked(fields: FieldsInput, row: Mapping[str, Any]) -> Iterator[InvalidFields]:
    """One of each error of a request, as the service itself says it."""
    wrong = dict.fromkeys(row, "?!")
    documents: list[Any] = [
        ["a row"], {"row": row}, {}, {"fields": row, "rows": [row]}, {"text": "What a wonderful morning!"},
        {"fields": "a row"}, {"rows": ["a row"]}, {"fields": {}}, {"fields": wrong}, {"rows": "a row"}, {"rows": []},
        {"rows": [row] * 300}, {"fields": row, "explain": "yes"}, {"fields": row, "min_probability": 1.5},
        {"rows": [row], "partial": "yes"}, {"fields": row, "partial": True}, {"rows": [row] * 20, "explain": True},
    ]  # fmt: skip
    for document in documents:
        try:
            FieldsReader(fields).from_json(json.dumps(document).encode(), Settings.model_construct())
        except InvalidFields as error:
            yield error


def _in_rows(sentences: openapi.Sentences) -> dict[int, Mapping[str, str]]:
    """The sentences, of which those of a service that is busy are said of rows."""
    return {**sentences, 503: {code: in_rows(sentence) for code, sentence in sentences[503].items()}}


def _file(field: str) -> dict[str, Any]:
    """What is said of a file of texts, without what is of texts alone."""
    body, answer = deepcopy(openapi.FILE_BODY), deepcopy(openapi.FILE_ANSWER)
    schema = body["requestBody"]["content"][MULTIPART]["schema"]
    del schema["properties"]["text_column"]
    schema["properties"]["file"]["description"] = "CSV, TSV or JSONL; a column for each field, called as it is"
    answer[200]["description"] = answer[200]["description"].replace(" `truncated`, `in_vocabulary` and", " and")
    answer[200]["headers"].pop("X-Text-Column")
    for content in answer[200]["content"].values():
        del content["example"]
    said = {code: said for code, said in openapi.FILE_EXAMPLES[422].items() if not code.startswith("text_column")}
    said |= {code: sentence.format(field) for code, sentence in _FILE_ERRORS.items()}
    errors = openapi.errors(openapi.FILE_FAULTS, _in_rows(openapi.FILE_EXAMPLES) | {422: said})
    return {"summary": openapi.FILE_SUMMARY, "responses": answer | openapi.KEY_ERRORS | errors, "openapi_extra": body}
