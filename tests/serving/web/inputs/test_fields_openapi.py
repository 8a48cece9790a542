import json
import re
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from starlette.testclient import TestClient
from typer.testing import CliRunner

from serving.__main__ import app
from serving.model.inputs.fields import FieldsFile, FieldsInput
from serving.model.metadata import KnownRow
from serving.model.predictor import Predictor
from serving.web.app import describe
from serving.web.inputs.kinds import WebFields
from serving.web.openapi import FILE_EXAMPLES
from serving.web.requests.headers import FORM, JSON, MULTIPART
from tests.bundles import FORM as BUNDLE
from tests.bundles import FORM_ROWS


@pytest.fixture(scope="module")
def document(form_predictor: Predictor) -> Any:
    assert form_predictor.fields is not None
    return describe(WebFields(form_predictor.fields, form_predictor.metadata))


@pytest.fixture
def predict(document: Any) -> Any:
    return document["paths"]["/predict"]["post"]


def test_the_service_and_the_command_give_it(document: Any, form: TestClient) -> None:
    assert form.get("/openapi.json").json() == document
    printed = CliRunner().invoke(app, ["openapi", "--bundle", str(BUNDLE)]).stdout
    assert json.loads(printed) == document


def test_a_property_for_each_field(document: Any) -> None:
    properties = document["components"]["schemas"]["Row"]["properties"]
    assert list(properties) == ["age", "workclass", "hours-per-week", "sex"]
    assert {"type": ["number", "null"], "minimum": 17.0, "maximum": 90.0}.items() <= properties["age"].items()
    assert "years" in properties["age"]["description"]
    values = ["Private", "State-gov", "Self-emp-not-inc", None]
    assert {"type": ["string", "null"], "enum": values}.items() <= properties["workclass"].items()
    assert "?NAME=VALUE" in document["paths"]["/predict"]["get"]["description"]


@pytest.mark.parametrize("path", ["/predict", "/predict/file"])
def test_nothing_is_said_of_texts(document: Any, path: str) -> None:
    said = json.dumps(document["paths"][path])
    said = said.replace(json.dumps(FILE_EXAMPLES[422]["header_unclear"]), "")  # of any file, before its kind is known
    for word in ("`text`", '"text"', "column of texts", "truncated", "in_vocabulary", "X-Text-Column", " texts "):
        assert word not in said


def test_a_file_of_fields(document: Any) -> None:
    file = document["paths"]["/predict/file"]["post"]
    sent = file["requestBody"]["content"][MULTIPART]["schema"]["properties"]
    assert set(sent) == {"file", "delimiter", "encoding", "header", "output_encoding", "min_probability"}
    said = json.dumps(file["responses"]["422"])
    assert "it has no column for 'age'" in said
    assert {"header_unclear", "columns_missing", "text_column_unused"} <= set(re.findall(r"`(\w+)`", said))


def test_every_reference_leads_somewhere(document: Any) -> None:
    references = set(references_in(document))
    assert "#/components/schemas/Row" in references
    assert {name.rpartition("/")[2] for name in references} <= set(document["components"]["schemas"])


def references_in(part: Any) -> list[str]:
    if isinstance(part, dict):
        return [each for key, value in part.items() for each in ([value] if key == "$ref" else references_in(value))]
    return [each for value in part for each in references_in(value)] if isinstance(part, list) else []


def resolved(document: Any, schema: Any) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]})


@pytest.mark.parametrize("media_type", [JSON, FORM, MULTIPART])
def test_the_examples_of_requests_are_answered(document: Any, predict: Any, form: TestClient, media_type: str) -> None:
    content = predict["requestBody"]["content"][media_type]
    for example in content["examples"].values():
        assert resolved(document, content["schema"]).is_valid(example["value"])
        sent = {"json": example["value"]} if media_type == JSON else {"data": example["value"]}
        answer = form.post("/predict", **sent)
        assert answer.status_code == 200
        answers = predict["responses"]["200"]["content"][JSON]["schema"]
        assert resolved(document, answers).is_valid(answer.json())


def test_the_examples_of_answers_are_the_known_ones(predict: Any, form: TestClient, document: Any) -> None:
    content = predict["responses"]["200"]["content"][JSON]
    examples = {name: example["value"] for name, example in content["examples"].items()}
    assert all(resolved(document, content["schema"]).is_valid(example) for example in examples.values())
    assert examples["one"]["fields"] == FORM_ROWS[0]
    answered = form.post("/predict", json={"fields": FORM_ROWS[0]}).json()
    assert examples["one"].pop("probabilities") == pytest.approx(answered.pop("probabilities"), abs=1e-4)
    assert examples["one"].pop("probability") == pytest.approx(answered.pop("probability"), abs=1e-4)
    assert examples["one"] == answered
    assert len(examples["several"]["predictions"]) == 2


CODES = {
    "not_an_object", "unknown_key", "fields_missing", "fields_and_rows", "fields_wanted", "fields_not_object",
    "row_not_object", "fields_empty", "fields_invalid", "rows_not_array", "rows_empty", "too_many_rows",
    "explain_not_boolean", "min_probability_invalid", "partial_not_boolean", "partial_without_rows",
    "too_many_to_explain",
}  # fmt: skip


def test_the_errors_and_their_codes(predict: Any, document: Any) -> None:
    refusals = predict["responses"]["422"]
    examples = refusals["content"][JSON]["examples"]
    assert set(examples) == CODES
    assert all(f"`{code}`" in refusals["description"] for code in CODES)
    for example in examples.values():
        assert resolved(document, refusals["content"][JSON]["schema"]).is_valid(example["value"])
    assert [field["name"] for field in examples["fields_invalid"]["value"]["fields"]] == list(FORM_ROWS[0])
    assert "192 rows wait" in json.dumps(predict["responses"]["503"])


@pytest.mark.parametrize("name", ["model_config", "_private", "schema", "copy", "field_0", "a b", "ä/~", "class"])
def test_fields_of_any_name(name: str, form_predictor: Predictor) -> None:
    described = [{"kind": "category", "name": name, "values": ["a"]}]
    fields = FieldsInput(FieldsFile.model_validate({"fields": described}))
    known = [KnownRow(fields={name: "a"}, probabilities=[0.5, 0.5])]
    metadata = form_predictor.metadata.model_copy(update={"known_answers": known})
    document = describe(WebFields(fields, metadata))
    assert list(document["components"]["schemas"]["Row"]["properties"]) == [name]


def test_a_model_whose_known_answers_all_lack_every_value(form_predictor: Predictor) -> None:
    assert form_predictor.fields is not None
    empty = [KnownRow(fields=dict.fromkeys(FORM_ROWS[0]), probabilities=[0.5, 0.5])]
    metadata = form_predictor.metadata.model_copy(update={"known_answers": empty})
    document = describe(WebFields(form_predictor.fields, metadata))
    assert "fields_empty" in document["paths"]["/predict"]["post"]["responses"]["422"]["content"][JSON]["examples"]
