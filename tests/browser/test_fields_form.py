"""The form of a model of fields."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from serving.model.inputs.fields import FieldsFile, FieldsInput
from serving.model.metadata import KnownRow
from serving.model.predictor import Predictor
from serving.settings import Settings
from serving.web.app import create_app
from tests.browser.axe import violations_in_every_look
from tests.browser.staging import serving
from tests.browser.states import send, unfold
from tests.browser.visits import Visit, visiting
from tests.bundles import FORM, FORM_ROWS
from tests.serving.fakes import FakePredictor

pytestmark = pytest.mark.browser

ROW = FORM_ROWS[0]
PHONE = {"width": 360, "height": 800}
UNPROCESSABLE = "Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(create_app(Settings(), Predictor.load(FORM))) as url:
        yield url


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def visit(browser: Browser, url: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    with visiting(browser, url, java_script_enabled=request.param) as visit:
        yield visit


@pytest.fixture
def scripted_visit(browser: Browser, url: str) -> Iterator[Visit]:
    with visiting(browser, url) as visit:
        yield visit


def fill(page: Page, row: dict[str, Any]) -> None:
    for name, value in row.items():
        field = page.get_by_label(name, exact=True)
        if field.evaluate("field => field.localName") == "select":
            field.select_option("" if value is None else str(value))
        else:
            field.fill("" if value is None else str(value))


def shown(page: Page) -> dict[str, str]:
    """What stands in the form."""
    return {name: page.get_by_label(name, exact=True).input_value() for name in ROW}


def as_text(row: dict[str, Any]) -> dict[str, str]:
    return {name: "" if row.get(name) is None else str(row[name]) for name in ROW}


def asked_by_a_program(url: str, row: dict[str, Any]) -> Any:
    return httpx.post(f"{url}/predict", json={"fields": row, "explain": True}).raise_for_status().json()


@pytest.mark.parametrize("row", [*FORM_ROWS, {"age": None, "workclass": "State-gov"}])
def test_a_row_gets_the_answer_that_programs_get(visit: Visit, url: str, row: dict[str, Any]) -> None:
    visit.open()
    fill(visit.page, row)
    assert visit.submit().status == 200
    answer = asked_by_a_program(url, row)
    assert visit.answer.locator(".verdict").inner_text().split() == [answer["label"], f"{answer['probability']:.1%}"]
    assert shown(visit.page) == as_text(row)
    assert visit.page.title().startswith(answer["label"])
    weighed = [part for part in answer["explanation"] if abs(part["weight"]) >= 0.01]
    names = sorted((part["field"] for part in weighed), key=lambda name: -abs(weight_of(answer, name)))
    marked = visit.answer.locator("tr").filter(has=visit.page.locator("mark"))
    assert [line.split("\t")[0] for line in marked.all_inner_texts()] == names
    assert visit.complaints == []


def weight_of(answer: Any, name: str) -> float:
    (weight,) = (part["weight"] for part in answer["explanation"] if part["field"] == name)
    return float(weight)


def test_every_wrong_field_is_marked_until_an_answer(visit: Visit) -> None:
    page = visit.page
    visit.page.route("**/predict", without_limits)
    visit.open()
    fill(page, {**ROW, "age": 7, "hours-per-week": 1000})
    assert visit.submit().status == 422
    assert shown(page) == as_text({**ROW, "age": 7, "hours-per-week": 1000})
    age, hours = (page.get_by_label(name, exact=True) for name in ("age", "hours-per-week"))
    expect(age).to_have_attribute("aria-invalid", "true")
    expect(age).to_have_accessible_description(
        re.compile("17 to 90 years Found: '7'. Accepted: a number from 17 to 90")
    )
    expect(hours).to_have_accessible_description(re.compile("Found: '1000'"))
    expect(page.get_by_label("sex", exact=True)).to_have_attribute("aria-invalid", "false")
    expect(page.get_by_role("alert")).to_contain_text("age is '7'; accepted is a number from 17 to 90 years.")
    assert visit.answer.count() == 0
    fill(page, ROW)
    assert visit.submit().status == 200
    expect(age).to_have_attribute("aria-invalid", "false")
    expect(age).to_have_accessible_description("a number from 17 to 90 years")
    assert page.get_by_role("alert").count() == 0
    assert set(visit.complaints) <= {UNPROCESSABLE}


def without_limits(route: Any) -> None:
    """The page for a browser that checks nothing by itself."""
    response = route.fetch()
    route.fulfill(
        response=response, body=response.text().replace('<form id="classify"', '<form novalidate id="classify"')
    )


def test_a_form_in_which_nothing_is_known_is_refused(visit: Visit) -> None:
    visit.open()
    assert visit.submit().status == 422
    expect(visit.page.get_by_role("alert")).to_contain_text("No field has a value")


def test_a_browser_knows_the_limits(scripted_visit: Visit) -> None:
    page = scripted_visit.page
    scripted_visit.open()
    fill(page, {**ROW, "age": 91})
    scripted_visit.button.click()
    expect(page.locator("#fields :invalid")).to_have_count(1)
    assert scripted_visit.answer.count() == 0


def test_a_known_row_can_be_tried(visit: Visit) -> None:
    visit.open()
    example = visit.page.get_by_role("region", name="Try one").get_by_role("button").first
    assert visit.answered(example.click).status == 200
    assert shown(visit.page) == as_text(ROW)


def test_an_address_fills_the_form(visit: Visit) -> None:
    visit.open("/predict?age=38&sex=Male")
    assert shown(visit.page) == as_text({"age": 38, "sex": "Male"})
    assert visit.answer.count() == 0


def test_the_way_back_leads_to_the_row_before(scripted_visit: Visit, browser: Browser, url: str) -> None:
    page = scripted_visit.page
    scripted_visit.open()
    verdicts = []
    for row in FORM_ROWS:
        fill(page, row)
        scripted_visit.submit()
        verdicts.append(scripted_visit.verdict)
    address = page.url
    scripted_visit.answered(page.go_back)
    assert (shown(page), scripted_visit.verdict) == (as_text(FORM_ROWS[0]), verdicts[0])
    page.go_back()
    expect(page.locator(".empty")).to_be_visible()
    assert shown(page) == as_text({})
    with visiting(browser, url) as other:
        other.answered(lambda: other.page.goto(address))
        assert (shown(other.page), other.verdict) == (as_text(FORM_ROWS[1]), verdicts[1])


def test_by_keyboard_alone(scripted_visit: Visit) -> None:
    page, keyboard = scripted_visit.page, scripted_visit.page.keyboard
    scripted_visit.open()
    expect(page.get_by_label("age", exact=True)).to_be_focused()
    keyboard.type("52")
    keyboard.press("Tab")
    keyboard.type("Self")
    keyboard.press("Tab")
    keyboard.type("45.5")
    keyboard.press("Tab")
    keyboard.type("M")
    assert shown(page) == as_text(ROW)
    keyboard.press("Tab")
    expect(scripted_visit.button).to_be_focused()
    scripted_visit.answered(lambda: keyboard.press("Enter"))
    expect(scripted_visit.button).to_be_focused()
    expect(scripted_visit.announced).to_have_text(re.compile(r"^>50K, \d"))


def opened(visit: Visit) -> None:
    visit.open()


def answered(visit: Visit) -> None:
    visit.open()
    fill(visit.page, ROW)
    visit.submit()
    unfold(visit.page)


def refused(visit: Visit) -> None:
    visit.page.route("**/predict", without_limits)
    visit.open()
    fill(visit.page, {**ROW, "age": 7})
    visit.submit()


def offline(visit: Visit) -> None:
    visit.open()
    fill(visit.page, ROW)
    visit.page.context.set_offline(True)
    visit.button.click()
    visit.page.get_by_role("alert").wait_for()


def model(visit: Visit) -> None:
    visit.open("/model")


@pytest.mark.parametrize("state", [opened, answered, refused, offline, model])
def test_axe(scripted_visit: Visit, state: Callable[[Visit], None]) -> None:
    state(scripted_visit)
    assert violations_in_every_look(scripted_visit) == []


@pytest.mark.parametrize("state", [opened, answered, refused])
def test_a_narrow_phone_needs_no_sideways_scrolling(browser: Browser, url: str, state: Callable[[Visit], None]) -> None:
    with visiting(browser, url, viewport=PHONE) as visit:
        state(visit)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


class Strange(FakePredictor):
    """Of fields that are called as parts of a form are, and a list of 1,000 values."""

    def __init__(self) -> None:
        super().__init__()
        names = [
            "action",
            "id",
            "elements",
            "submit",
            "length",
            "name",
            "field-0",
            "fault-0",
            "<b>",
            "a" * 100,
            "__proto__",
        ]
        number = {"kind": "number", "mean": 0, "scale": 1, "missing": 0}
        values = ["</select><script>window.ran = 1</script>", "w" * 100, *(f"value {n}" for n in range(998))]
        fields = [{"kind": "category", "name": "list", "values": values}, *({**number, "name": name} for name in names)]
        self.fields = FieldsInput(FieldsFile.model_validate({"fields": fields}))
        known = KnownRow(fields=dict.fromkeys(names, 1.0) | {"list": values[0]}, probabilities=[0.2, 0.3, 0.5])
        self.metadata = self.metadata.model_copy(update={"known_answers": [known], "inputs": "fields"})

    def predict(self, rows: Any) -> Any:
        return [self._one("good" if row["action"] else "bad") for row in rows]

    def explain(self, row: Any) -> Any:
        return self.predict([row])[0]


@pytest.mark.parametrize("scripted", [True, False])
def test_fields_of_any_name(browser: Browser, scripted: bool) -> None:
    with (
        serving(create_app(Settings(), Strange())) as url,
        visiting(browser, url, viewport=PHONE, java_script_enabled=scripted) as visit,
    ):
        visit.open()
        page = visit.page
        page.get_by_label("list", exact=True).select_option("value 7")
        page.get_by_label("action", exact=True).fill("3")
        assert visit.submit().status == 200
        assert visit.verdict == "positive"
        assert page.get_by_label("list", exact=True).input_value() == "value 7"
        example = page.get_by_role("region", name="Try one").get_by_role("button")
        assert visit.answered(example.click).status == 200
        assert page.get_by_label("list", exact=True).input_value().startswith("</select>")
        assert page.get_by_label("__proto__", exact=True).input_value() == "1"
        if scripted:
            assert page.evaluate("window.ran") is None
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert visit.complaints == []


def test_the_section_for_files_asks_for_no_column_of_texts(scripted_visit: Visit) -> None:
    page = scripted_visit.page
    scripted_visit.open()
    page.get_by_text("How the file is read").click()
    assert page.get_by_label("Column of texts").count() == 0
    page.get_by_label("File (up to").set_input_files(
        {"name": "a.csv", "mimeType": "text/csv", "buffer": b""},
    )
    send(page)
    page.get_by_role("alert").filter(has_text="The file").wait_for()
