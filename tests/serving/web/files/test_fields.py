"""Files of fields, sent to a service of a real bundle of them."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.model.inputs.fields import NO_VALUE
from serving.model.predictor import Predictor
from serving.settings import Settings
from serving.web.app import create_app
from tests.serving.csv_files import FORM_ADDED

CONTENT = "id,Age,workclass,hours_per_week,sex\r\n1,52,Private,45.5,Male\r\n2,x,,,\r\n3,?,,NA,\r\n"


@pytest.fixture(scope="module")
def form_client(form_predictor: Predictor) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(), form_predictor)) as client:
        yield client


def send(client: TestClient, content: bytes, **fields: str) -> Any:
    return client.post("/predict/file", files={"file": ("mine.csv", content)}, data=fields)


def test_a_file_comes_back_with_columns_added(form_client: TestClient, form_predictor: Predictor) -> None:
    answer = send(form_client, CONTENT.encode())
    assert answer.status_code == 200
    header, one, wrong, empty = csv.reader(io.StringIO(answer.text, newline=""))
    assert header == ["id", "Age", "workclass", "hours_per_week", "sex", *FORM_ADDED]
    (alone,) = form_predictor.predict([{"age": 52, "workclass": "Private", "hours-per-week": 45.5, "sex": "Male"}])
    assert (one[5], one[-1]) == (alone.label, "")
    assert float(one[6]) == pytest.approx(alone.probability, abs=1e-6)
    assert wrong[5:] == ["", "", "", "", "`age` is 'x'; accepted is a number from 17 to 90 years."]
    assert empty[5:] == ["", "", "", "", NO_VALUE]
    assert answer.headers["x-label-column"] == "label"
    assert "x-text-column" not in answer.headers
    assert "x-notes" not in answer.headers


@pytest.mark.parametrize(("delimiter", "suffix"), [("\t", "tsv"), (";", "csv")])
def test_other_delimiters(form_client: TestClient, delimiter: str, suffix: str) -> None:
    answer = send(form_client, CONTENT.replace(",", delimiter).encode())
    assert answer.headers["content-disposition"] == f'attachment; filename="predictions.{suffix}"'
    rows = list(csv.reader(io.StringIO(answer.text, newline=""), delimiter=delimiter))
    assert rows == list(csv.reader(io.StringIO(send(form_client, CONTENT.encode()).text, newline="")))


def test_json_lines(form_client: TestClient) -> None:
    row = {"age": 52, "workclass": "Private", "hours-per-week": 45.5, "sex": "Male"}
    answer = send(form_client, f'{json.dumps(row)}\n{{"age": 40}}\n{{}}\n'.encode())
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert [row["error"] for row in rows] == [None, None, NO_VALUE]
    assert list(rows[1]) == ["age", *FORM_ADDED]


def test_many_rows_have_their_own_answers(form_client: TestClient) -> None:
    ages = [17 + number % 70 for number in range(5000)]
    content = "age,workclass,hours-per-week,sex\n" + "".join(f"{age},Private,40,Male\n" for age in ages)
    rows = list(csv.DictReader(io.StringIO(send(form_client, content.encode()).text, newline="")))
    probabilities = {row["age"]: row["p_>50K"] for row in rows[:70]}
    assert len(set(probabilities.values())) > 60
    assert [(row["age"], row["p_>50K"]) for row in rows] == [(str(age), probabilities[str(age)]) for age in ages]


def test_missing_columns_are_refused(form_client: TestClient) -> None:
    answer = send(form_client, b"age,workclass\n52,Private\n")
    assert (answer.status_code, answer.json()["code"]) == (422, "columns_missing")
    assert answer.json()["detail"].startswith(
        "The file cannot be used: it has no column for 'hours-per-week', 'sex'; found: 'age', 'workclass'; accepted: a"
    )
    assert "columns" not in answer.json()


def test_a_column_of_texts_is_refused(form_client: TestClient) -> None:
    answer = send(form_client, CONTENT.encode(), text_column="Age")
    assert (answer.status_code, answer.json()["code"]) == (422, "text_column_unused")
    assert send(form_client, CONTENT.encode(), text_column="").status_code == 200, "as the page's form sends it"
