import json
import re
import shlex
from html import escape, unescape

import pytest
from starlette.testclient import TestClient

from serving.model.inputs.fields import FieldsFile, FieldsInput
from serving.model.metadata import KnownRow
from serving.model.predictor import Predictor
from serving.settings import Settings
from serving.web.app import create_app
from tests.bundles import FORM_ROWS
from tests.serving.conftest import BROWSER
from tests.serving.fakes import FakePredictor

HOSTILE = "</select><script>x</script>\"'&"


@pytest.fixture
def page(form: TestClient) -> TestClient:
    form.headers["accept"] = BROWSER
    return form


def control(text: str, name: str) -> str:
    """The tag of a field's control, or all of its list."""
    found = re.search(rf'<(input|select) id="field-\d+" name="{re.escape(name)}"[^>]*>(.*?</select>)?', text, re.DOTALL)
    assert found
    return found[0] if found[1] == "select" else found[0].partition(">")[0]


def chosen(text: str, name: str) -> list[str]:
    return re.findall(r'<option value="([^"]*)" selected>', control(text, name))


def entered(text: str, name: str) -> str:
    found = re.search(r' value="([^"]*)"', control(text, name))
    assert found
    return found[1]


def test_a_control_for_each_field(page: TestClient) -> None:
    text = page.get("/predict").text
    names = ["age", "workclass", "hours-per-week", "sex"]
    assert re.findall(r'<(?:input|select) id="field-\d" name="([^"]+)"', text) == names
    assert re.findall(r'<label for="field-\d" dir="auto">([^<]+)</label>', text) == names
    assert ' type="number" min="17" max="90" step="1" value=""' in control(text, "age")
    assert ' min="1" max="99" step="0.5" value=""' in control(text, "hours-per-week")
    assert "a number from 17 to 90 years</p>" in text
    values = re.findall(r"<option[^>]*>([^<]+)<", control(text, "workclass"))
    assert values == ["not known", "Private", "State-gov", "Self-emp-not-inc"]
    assert "<h1>Which label fits?</h1>" in text
    assert "Classify a row" in text
    assert "<textarea" not in text
    assert 'aria-invalid="true"' not in text


def test_nothing_is_said_of_texts(page: TestClient) -> None:
    for path in ("/predict", "/model"):
        text = re.sub(r"Tweet sentiment|text/|data-text|class=\"\w+\"", "", page.get(path).text)
        assert re.findall(r"(?i)\b(?:tweets?|texts?|words?)\b", text) == []


def test_an_address_fills_the_form_and_asks_nothing(page: TestClient) -> None:
    text = page.get("/predict?age=38&sex=Male&unknown=1&workclass=Private").text
    assert (entered(text, "age"), chosen(text, "sex"), chosen(text, "workclass")) == ("38", ["Male"], ["Private"])
    assert entered(text, "hours-per-week") == ""
    assert 'class="verdict"' not in text


def test_what_was_entered_stays_after_an_answer(page: TestClient) -> None:
    text = page.post("/predict", data={"age": "38.0", "sex": "Male", "workclass": "", "explain": "true"}).text
    assert (entered(text, "age"), chosen(text, "sex"), chosen(text, "workclass")) == ("38", ["Male"], [])
    assert '<p class="verdict"><strong>&gt;50K</strong>' in text


def test_what_was_entered_stays_after_an_error_and_every_wrong_field_is_marked(page: TestClient) -> None:
    answer = page.post("/predict", data={"age": "7", "hours-per-week": "40", "sex": "Man", "workclass": "Private"})
    text = unescape(answer.text)
    assert answer.status_code == 422
    assert "<title>These fields cannot be classified" in text
    assert [entered(text, name) for name in ("age", "hours-per-week")] == ["7", "40"]
    assert (chosen(text, "sex"), chosen(text, "workclass")) == (["Man"], ["Private"])
    assert ' aria-invalid="true" aria-describedby="hint-0 fault-0"' in control(text, "age")
    assert ' aria-invalid="true" aria-describedby="fault-3"' in control(text, "sex")
    assert [control(text, name).count('"false"') for name in ("workclass", "hours-per-week")] == [1, 1]
    faults = dict(re.findall(r'id="fault-(\d)">([^<]*)</p>', text))
    assert faults["0"] == "Found: '7'. Accepted: a number from 17 to 90 years."
    assert faults["3"] == "Found: 'Man'. Accepted: one of 'Female', 'Male'."
    assert (faults["1"], faults["2"]) == ("", "")
    assert "age is '7'; accepted is a number from 17 to 90 years. sex is 'Man'" in text


def test_the_cursor_is_in_the_first_field_of_a_new_form(page: TestClient) -> None:
    new = page.get("/predict").text
    assert "autofocus" in control(new, "age")
    assert new.count("autofocus") == 1
    for row in ({"age": "20"}, {"age": "1"}):
        later = page.post("/predict", data=row).text
        assert 'action="./predict#answer"' in later
        assert "autofocus" not in later


def test_what_led_to_the_answer_is_listed_the_weightiest_first(page: TestClient) -> None:
    row = FORM_ROWS[0]
    answer = page.post("/predict", json={"fields": row, "explain": True}, headers={"Accept": "*/*"}).json()
    text = page.post("/predict", data={**row, "explain": "true"}).text
    weights = {part["field"]: part["weight"] for part in answer["explanation"]}
    order = sorted(weights, key=lambda name: -abs(weights[name]))
    rows = re.findall(r'<tr>\s*<th scope="row" dir="auto">([^<]+)</th>\s*<td dir="auto">([^<]+)</td>', text)
    assert rows == [(name, str(row[name])) for name in order]
    strong = [name for name in order if abs(weights[name]) >= 0.01]
    marks = re.findall(r'<mark class="(for|against) strength-\d">\1</mark> ([+−][\d.]+)', text)
    assert marks == [
        ("for" if weights[name] > 0 else "against", f"{weights[name] * 100:+.1f}".replace("-", "−")) for name in strong
    ]
    assert strong
    assert "Fields that hardly matter" in text


def test_several_rows_as_a_page(page: TestClient) -> None:
    text = page.post("/predict", json={"rows": [FORM_ROWS[1], {}], "partial": True}).text
    assert "<title>2 rows" in text
    assert "age: 19, workclass: Private, hours-per-week: 20, sex: Female</blockquote>" in text
    assert 'aria-label="Refused row"' in text


def test_the_command_asks_the_same(page: TestClient) -> None:
    shown = re.search(
        r'<code id="command">(.*?)</code>', page.post("/predict", data={"age": "38", "explain": "1"}).text
    )
    assert shown
    body = shlex.split(unescape(shown[1]))[-1]
    assert body == ('{"fields": {"age": 38, "workclass": null, "hours-per-week": null, "sex": null}, "explain": true}')


def test_the_known_rows_are_examples(page: TestClient) -> None:
    text = page.get("/predict").text
    assert ">52, Self-emp-not-inc, 45.5, Male</button>" in text
    assert text.count('<button type="submit" class="plain"') == 2, "the row in which nothing is known is none"


def test_a_text_that_a_browser_sends_is_refused_on_a_page(page: TestClient) -> None:
    answer = page.post("/predict", data={"text": "good"})
    assert answer.status_code == 422
    assert "this model takes fields: age, workclass, hours-per-week, sex." in answer.text


@pytest.mark.parametrize(
    "body", [{"fields": {"age": [1], "sex": {"a": "\ud83d"}}}, {"fields": 7}, {"fields": {"\ud83d": 1}}]
)
def test_json_that_is_no_row_is_refused_on_a_page(page: TestClient, body: object) -> None:
    sent = json.dumps(body).encode()
    answer = page.post("/predict", content=sent, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_a_missing_file_leaves_a_form(page: TestClient) -> None:
    answer = page.post("/predict/file", files={"other": ("a.csv", b"age\n1\n")})
    assert answer.status_code == 422
    assert 'name="age"' in answer.text
    assert "autofocus" not in answer.text


class Hostile(FakePredictor):
    """Of fields whose names and values are as bad as can be."""

    def __init__(self) -> None:
        super().__init__()
        number = {"kind": "number", "mean": 0, "scale": 1, "missing": 0}
        fields = [
            {"kind": "category", "name": HOSTILE, "values": [HOSTILE, "a b  c", "class", "1"]},
            {**number, "name": "id"},
            {**number, "name": "{{ 7 * 7 }}", "unit": "<i>", "minimum": 1234567.5, "step": 0.25},
            {**number, "name": "explained", "maximum": 1e300},
        ]
        self.fields = FieldsInput(FieldsFile.model_validate({"fields": fields}))
        known = KnownRow(fields={HOSTILE: HOSTILE}, probabilities=[0.2, 0.3, 0.5])
        self.metadata = self.metadata.model_copy(update={"known_answers": [known], "inputs": "fields"})


@pytest.mark.parametrize("path", ["/predict", "/model"])
def test_names_and_values_are_escaped(path: str) -> None:
    client = TestClient(create_app(Settings(), Hostile()), headers={"Accept": BROWSER})
    text = client.get(path).text
    assert "<script>x" not in text
    assert "<i>" not in text
    assert str(escape(HOSTILE)).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in text
    assert "{{ 7 * 7 }}" in text
    if path == "/predict":
        assert 'min="1234567.5" step="0.25"' in text
        assert '<option value="a b  c">' in text
        ids = re.findall(r'\bid="([^"]+)"', re.sub("(?s)<template.*?</template>", "", text))
        assert len(ids) == len(set(ids))
        assert HOSTILE not in ids


def test_the_models_page_has_a_table_of_the_fields(page: TestClient, form_predictor: Predictor) -> None:
    text = unescape(page.get("/model").text)
    assert "A network of 4 fields: one row goes in" in text
    assert form_predictor.fields is not None
    for field in form_predictor.fields.fields:
        assert f'<th scope="row">{field.name}</th><td>{field.kind}</td>' in text
        assert field.accepted in text
    assert text.count("counts as 38") == text.count("counts as Female") == text.count("is told apart") == 1
