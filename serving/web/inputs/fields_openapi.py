"""OpenAPI documentation of a model of fields: its own fields as a schema, and its known answers as examples."""

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from serving.errors import InvalidFields
from serving.model.inputs.fields import CategoryField, FieldsInput, NumberField
from serving.model.metadata import Metadata
from serving.model.types import Prediction
from serving.settings import Settings
from serving.web import openapi
from serving.web.inputs import fields_schemas as schemas
from serving.web.requests.fields_request import FieldsReader, FieldsRequest, RowsRequest
from serving.web.requests.headers import FORM, JSON, MULTIPART
from serving.web.requests.validation_errors import in_rows
from serving.web.schemas import Answer

USAGE = (
    'Predictions are asked for by POST to this address: with JSON, {"fields": {...}} or {"rows": [{...}, ...]}, or '
    "with a form that has the model's fields."
)
_OF_TEXT_FILES = {"text_column_unknown", "text_column_unclear", "header_unclear"}
_COLUMNS_MISSING = (
    "The file cannot be used: it has no column for {!r}; found: 'id', 'label'; accepted: a header with the name of "
    "each field, in any order, and other columns beside them."
)
_PARTIAL = "Several rows, of which one is refused"


def documentation(fields: FieldsInput, metadata: Metadata) -> openapi.Documentation:
    """What OpenAPI says of the API of a model of fields.

    Args:
        fields: of the model.
        metadata: of the model.
    """
    row, answers = _row_model(fields.fields), example_answers(metadata)
    predicted, one = _of_rows(schemas.PredictedRow, fields=row), _of_rows(schemas.RowAnswer, fields=row)
    several = _of_rows(schemas.RowsAnswer, predictions=list[predicted | schemas.RefusedRow])  # type: ignore[valid-type]
    return openapi.Documentation(
        openapi.DESCRIPTION.replace("the sentiment of short texts", "rows of fields"),
        form={
            "summary": "The form",
            "description": "A page that asks for the fields, or for a file; a program is told how to ask.",
            "responses": _usage(answers) | openapi.KEY_ERRORS,
            "openapi_extra": _query(row),
        },
        predict={
            "summary": "Classify one row of fields or several",
            "response_model": one | several,
            "responses": _answers(answers, metadata) | openapi.KEY_ERRORS | _refusals(fields, answers[0]["fields"]),
            "openapi_extra": _body(row, [answer["fields"] for answer in answers]),
        },
        file=_file(fields.fields[0].name),
    )


def example_answers(metadata: Metadata) -> list[Answer]:
    """The known answers, as they are answered."""
    answers = []
    for known in schemas.known_rows(metadata):
        probabilities = dict(zip(metadata.labels, known.probabilities, strict=True))
        label = max(probabilities, key=probabilities.__getitem__)
        answers.append(schemas.predicted_row(known.fields, Prediction(label, probabilities[label], probabilities)))
    return answers


def _row_model(fields: Sequence[NumberField | CategoryField]) -> type[BaseModel]:
    # By number: a field may have any name, which an attribute may not.
    properties: dict[str, Any] = {f"field_{number}": _property(field) for number, field in enumerate(fields)}
    return create_model("Row", __config__=ConfigDict(extra="forbid"), **properties)


def _property(field: NumberField | CategoryField) -> tuple[Any, Any]:
    title, words = field.name, f"{field.accepted}; missing where it is null"
    if isinstance(field, NumberField):
        bounds: dict[str, Any] = {"ge": field.minimum, "le": field.maximum}
        return float | None, Field(None, alias=field.name, title=title, description=words, **bounds)
    return Literal[tuple(field.values)] | None, Field(None, alias=field.name, title=title, description=words)


def _of_rows(model: type[BaseModel], **types: Any) -> type[BaseModel]:
    """The model with other types of its fields."""
    changed: dict[str, Any] = {name: (each, model.model_fields[name]) for name, each in types.items()}
    return create_model(model.__name__, __base__=model, __doc__=model.__doc__, **changed)


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)  # where the answers' models have them
    return schema


def _named(**examples: tuple[str, object]) -> dict[str, Any]:
    return {name: {"summary": summary, "value": value} for name, (summary, value) in examples.items()}


def _ok(description: str, **examples: tuple[str, object]) -> openapi.Responses:
    content = {"text/html": {"schema": {"type": "string"}}, JSON: {"examples": _named(**examples)}}
    return {200: {"description": description, "content": content}}


def _usage(answers: Sequence[Answer]) -> openapi.Responses:
    links = {"predict": "/predict", "openapi": "/openapi.json"}
    usage = {"detail": USAGE, "example": {"fields": answers[0]["fields"]}, "links": links}
    return _ok("The page with the form; how to ask, for a client that prefers JSON.", usage=("How to ask", usage))


def _query(row: type[BaseModel]) -> dict[str, Any]:
    common = {"in": "query", "description": "what stands in the form. It is not classified before that is sent"}
    properties = _schema(row)["properties"]
    return {"parameters": [{"name": name, "schema": schema} | common for name, schema in properties.items()]}


def _answers(answers: Sequence[Answer], metadata: Metadata) -> openapi.Responses:
    version = {"model_version": metadata.model_version}
    refused = schemas.refused_row(InvalidFields(detail="No field has a value.", code="fields_empty"))
    return _ok(
        "The prediction; for several rows the predictions, in the order of the request.",
        one=("One row", answers[0] | version),
        several=("Several rows", {"predictions": answers} | version),
        several_partial=(_PARTIAL, {"predictions": [answers[0], refused]} | version),
    )


def _body(row: type[BaseModel], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    one, several = _of_rows(FieldsRequest, fields=row), _of_rows(RowsRequest, rows=list[row])  # type: ignore[valid-type]
    fields: dict[str, Any] = {"fields": rows[0]}
    examples = _named(
        one=("One row", fields),
        one_explained=("One row, explained", fields | {"explain": True}),
        one_uncertain=("One row, with the probability that its label should have", fields | {"min_probability": 0.95}),
        several=("Several rows", {"rows": rows}),
        several_partial=(_PARTIAL, {"rows": [rows[0], {}], "partial": True}),
    )
    options = {name: schema for name, schema in _schema(one)["properties"].items() if name != "fields"}
    properties = _schema(row)["properties"] | options
    form = {
        "schema": {"type": "object", "additionalProperties": False, "properties": properties},
        "examples": _named(one=("One row", {name: value for name, value in rows[0].items() if value is not None})),
    }
    json_body = {"schema": {"oneOf": [_schema(one), _schema(several)]}, "examples": examples}
    return {"requestBody": {"required": True, "content": {JSON: json_body, FORM: form, MULTIPART: form}}}


def _refusals(fields: FieldsInput, example: Mapping[str, Any]) -> openapi.Responses:
    refusals = {error.error_code: error for error in _provoked(fields, example)}
    sentences = _said_of_rows(openapi.EXAMPLES) | {400: openapi.EXAMPLES[400]}
    sentences[422] = {code: error.detail for code, error in refusals.items()}
    faults = {status: in_rows(sentence) for status, sentence in openapi.PREDICT_FAULTS.items()}
    responses = openapi.errors(faults, sentences, schemas.FieldsErrorAnswer)
    for code, example_of in responses[422]["content"][JSON]["examples"].items():
        if refusals[code].faults:
            example_of["value"]["fields"] = [fault._asdict() for fault in refusals[code].faults]
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
    reader, settings = FieldsReader(fields), Settings.model_construct()
    for document in documents:
        try:
            reader.from_json(json.dumps(document).encode(), settings)
        except InvalidFields as error:
            yield error


def _said_of_rows(examples: openapi.Sentences) -> dict[int, Mapping[str, str]]:
    return {status: {code: in_rows(said) for code, said in codes.items()} for status, codes in examples.items()}


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
    sentences = _said_of_rows(openapi.FILE_EXAMPLES)
    kept = {code: said for code, said in openapi.FILE_EXAMPLES[422].items() if code not in _OF_TEXT_FILES}
    sentences[422] = kept | {"columns_missing": _COLUMNS_MISSING.format(field)}
    responses = answer | openapi.KEY_ERRORS | openapi.errors(openapi.FILE_FAULTS, sentences)
    return {"summary": openapi.FILE_SUMMARY, "responses": responses, "openapi_extra": body}
