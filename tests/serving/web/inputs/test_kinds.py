"""A model of fields, asked over HTTP."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from starlette.testclient import TestClient

from serving.model.metadata import FieldValue
from serving.model.predictor import Predictor
from serving.model.types import Prediction
from serving.settings import Settings
from serving.web.app import create_app
from tests.bundles import FORM_ROWS
from tests.serving.fakes import FakePredictor

MULTIPART = {"content-type": "multipart/form-data; boundary=b"}


def expected(predictor: Predictor, row: dict[str, FieldValue]) -> dict[str, object]:
    (prediction,) = predictor.predict([row])
    return {
        "fields": {field.name: row.get(field.name) for field in predictor.fields.fields} if predictor.fields else {},
        "label": prediction.label,
        "probability": pytest.approx(prediction.probability, abs=1e-6),
        "probabilities": pytest.approx(prediction.probabilities, abs=1e-6),
    }


def as_form(row: dict[str, FieldValue]) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in row.items()}


def as_parts(row: dict[str, FieldValue]) -> bytes:
    part = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    return ("".join(part.format(*pair) for pair in as_form(row).items()) + "--b--\r\n").encode()


WAYS: dict[str, Callable[[dict[str, FieldValue]], dict[str, Any]]] = {
    "json": lambda row: {"json": {"fields": row}},
    "form": lambda row: {"data": as_form(row)},
    "multipart": lambda row: {"content": as_parts(row), "headers": MULTIPART},
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("row", [*FORM_ROWS, {"sex": "Male"}, {"age": None, "workclass": "Private"}])
def test_one_row(form: TestClient, form_predictor: Predictor, way: Callable[..., Any], row: Any) -> None:
    answer = form.post("/predict", **way(row))
    assert answer.status_code == 200
    assert answer.json() == {**expected(form_predictor, row), "model_version": form_predictor.metadata.model_version}
    assert list(answer.json()["fields"]) == ["age", "workclass", "hours-per-week", "sex"]
    assert answer.headers["x-model-version"] == form_predictor.metadata.model_version


def test_whole_numbers_are_answered_as_people_write_them(form: TestClient) -> None:
    assert (
        b'"age":38,"workclass":null,"hours-per-week":45.5,"sex":null'
        in form.post("/predict", data={"age": "38.0", "hours-per-week": "45.50"}).content
    )


def test_several_rows(form: TestClient, form_predictor: Predictor) -> None:
    answer = form.post("/predict", json={"rows": FORM_ROWS})
    assert answer.json() == {
        "predictions": [expected(form_predictor, row) for row in FORM_ROWS],
        "model_version": form_predictor.metadata.model_version,
    }
    assert {prediction["label"] for prediction in answer.json()["predictions"]} == {"<=50K", ">50K"}


def test_a_refused_row_among_others(form: TestClient, form_predictor: Predictor) -> None:
    rows = [FORM_ROWS[0], {"age": 5}, {}, FORM_ROWS[1]]
    first, wrong, empty, last = form.post("/predict", json={"rows": rows, "partial": True}).json()["predictions"]
    assert [first, last] == [expected(form_predictor, row) for row in FORM_ROWS]
    accepted = "a number from 17 to 90 years"
    assert wrong == {
        "error": {
            "detail": f"`age` is 5; accepted is {accepted}.",
            "code": "fields_invalid",
            "fields": [{"name": "age", "found": "5", "accepted": accepted}],
        }
    }
    assert empty["error"]["code"] == "fields_empty"
    assert "fields" not in empty["error"]


def test_rows_that_are_all_refused(form: TestClient) -> None:
    answer = form.post("/predict", json={"rows": [{}], "partial": True}).json()
    assert [prediction["error"]["code"] for prediction in answer["predictions"]] == ["fields_empty"]


@pytest.mark.parametrize(("least", "uncertain"), [(0, False), (1, True)])
def test_uncertain(form: TestClient, least: float, uncertain: bool) -> None:
    sent = {"rows": FORM_ROWS, "min_probability": least}
    assert [p["uncertain"] for p in form.post("/predict", json=sent).json()["predictions"]] == [uncertain] * 2


@pytest.mark.parametrize(("asked", "uncertain"), [({}, True), ({"min_probability": 0}, False)])
def test_a_request_goes_before_the_setting_of_what_is_uncertain(
    form_predictor: Predictor, asked: dict[str, float], uncertain: bool
) -> None:
    with TestClient(create_app(Settings(min_probability=1), form_predictor)) as client:
        assert client.post("/predict", json={"fields": FORM_ROWS[0]} | asked).json()["uncertain"] is uncertain
        options = {name: str(value) for name, value in asked.items()}
        file = {"file": ("a.jsonl", json.dumps(FORM_ROWS[0]).encode())}
        assert client.post("/predict/file", files=file, data=options).json()["uncertain"] is uncertain


def test_an_explanation(form: TestClient, form_predictor: Predictor) -> None:
    row = {**FORM_ROWS[0], "workclass": None}
    answer = form.post("/predict", json={"fields": row, "explain": True}).json()
    assert [(part["field"], part["value"]) for part in answer["explanation"]] == list(row.items())
    for part in answer["explanation"]:
        (without,) = form_predictor.predict([{**row, part["field"]: None}])
        assert part["weight"] == pytest.approx(answer["probability"] - without.probabilities[answer["label"]], abs=2e-6)
    assert len({part["weight"] for part in answer["explanation"]}) > 1


def test_every_wrong_field_is_told_as_data(form: TestClient) -> None:
    answer = form.post("/predict", json={"fields": {"age": "old", "sx": 1}})
    assert answer.status_code == 422
    error = answer.json()
    assert (error["code"], [field["name"] for field in error["fields"]]) == ("fields_invalid", ["sx", "age"])
    assert error["fields"][1] == {"name": "age", "found": "'old'", "accepted": "a number from 17 to 90 years"}
    assert "`age` is 'old'; accepted is a number from 17 to 90 years." in error["detail"]


@pytest.mark.parametrize("sent", [{"json": {"text": "good"}}, {"data": {"text": "good"}}, {"json": {"fields": {}}}])
def test_errors_without_wrong_fields_have_no_list_of_them(form: TestClient, sent: dict[str, Any]) -> None:
    answer = form.post("/predict", **sent)
    assert answer.status_code == 422
    assert set(answer.json()) == {"detail", "code", "request_id"}


def test_a_program_is_told_how_to_ask(form: TestClient) -> None:
    usage = form.get("/predict", headers={"Accept": "application/json"}).json()
    assert '{"fields": {...}}' in usage["detail"]
    assert form.post("/predict", json=usage["example"]).status_code == 200


def test_a_model_of_texts_refuses_fields(client: TestClient) -> None:
    assert client.post("/predict", json={"fields": {"age": 38}}).json()["code"] == "unknown_key"


def test_the_documentation_tells_what_is_answered(form: TestClient) -> None:
    page = (Path(__file__).parents[4] / "docs" / "fields.md").read_text(encoding="utf-8")
    answer, explanation, error = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    sent = {**json.loads(answer)["fields"]}
    expected = {**json.loads(answer), **json.loads("{" + explanation + "}")}
    answered = form.post("/predict", json={"fields": sent, "explain": True}).json()
    assert [part["weight"] for part in answered.pop("explanation")] == pytest.approx(
        [part["weight"] for part in expected.pop("explanation")], abs=1e-5
    )
    assert answered.pop("probabilities") == pytest.approx(expected.pop("probabilities"), abs=1e-5)
    assert answered.pop("probability") == pytest.approx(expected.pop("probability"), abs=1e-5)
    assert answered == expected
    refused = form.post("/predict", data={"age": "7", "sex": "Man"}).json()
    assert {**refused, "request_id": ""} == {**json.loads(error), "request_id": ""}


def test_predictions_are_counted(form: TestClient) -> None:
    form.post("/predict", json={"rows": FORM_ROWS})
    assert 'predictions_total{label=">50K"} 1.0' in form.get("/metrics").text


def test_more_fields_than_a_form_of_a_text_may_have(form: TestClient) -> None:
    sent = "&".join(["age=38", *(f"x{n}=1" for n in range(10))])
    answer = form.post("/predict", content=sent, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.json()["code"] == "fields_invalid"


@pytest.mark.anyio
async def test_a_full_queue_is_told_of_in_rows(form_predictor: Predictor) -> None:
    held = HeldForm(form_predictor)
    app = create_app(Settings(queue_limit=2, max_texts=2), held)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        held.gate.clear()
        first = asyncio.create_task(client.post("/predict", json={"rows": FORM_ROWS}))
        assert await asyncio.to_thread(held.started.wait, 5)
        answer = await client.post("/predict", json={"fields": FORM_ROWS[0]})
        held.gate.set()
        assert (await first).status_code == 200
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("The queue is full: 2 rows wait or are in work")


class HeldForm(FakePredictor):
    """A predictor of fields that a test can hold back."""

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.predictor, self.metadata, self.fields = predictor, predictor.metadata, predictor.fields

    def predict(self, rows: Any) -> list[Prediction]:
        self.started.set()
        assert self.gate.wait(timeout=60)
        return self.predictor.predict(rows)


def test_a_model_of_fields_takes_the_place_of_one_of_texts(
    make_app: Callable[..., FastAPI], form_predictor: Predictor
) -> None:
    app = make_app()
    with TestClient(app) as client:
        assert "Row" not in client.get("/openapi.json").json()["components"]["schemas"]
        app.state.service = app.state.service.successor(form_predictor)
        assert client.post("/predict", json={"fields": FORM_ROWS[0]}).json()["label"] == ">50K"
        assert client.post("/predict", json={"text": "good"}).json()["code"] == "fields_wanted"
        assert "age" in client.get("/openapi.json").json()["components"]["schemas"]["Row"]["properties"]
        assert 'name="age"' in client.get("/predict", headers={"Accept": "text/html"}).text
        assert client.get("/readyz").status_code == 200
        app.state.service = app.state.service.successor(FakePredictor())
        assert client.post("/predict", json={"text": "good"}).json()["label"] == "positive"
        assert "Row" not in client.get("/openapi.json").json()["components"]["schemas"]
        assert "<textarea" in client.get("/predict", headers={"Accept": "text/html"}).text
