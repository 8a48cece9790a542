"""Answers without a new page, and what is shown where none comes."""

import time

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.visits import Visit, visiting
from tests.bundles import TEXTS
from tests.serving.fakes import FakePredictor

pytestmark = pytest.mark.browser


def test_the_page_stays(scripted_visit: Visit) -> None:
    scripted_visit.open()
    scripted_visit.page.evaluate("window.same = true")
    scripted_visit.type(TEXTS[0])
    scripted_visit.submit()
    assert scripted_visit.page.evaluate("window.same") is True
    assert scripted_visit.page.title().startswith(scripted_visit.verdict)


def test_what_a_screen_reader_is_told(scripted_visit: Visit) -> None:
    scripted_visit.classify(TEXTS[0])
    figure = scripted_visit.answer.locator(".verdict .figure").inner_text()
    assert scripted_visit.announced.inner_text() == f"{scripted_visit.verdict}, {figure}"
    assert scripted_visit.announced.get_attribute("role") == "status"


def test_half_a_character_is_replaced(scripted_visit: Visit) -> None:
    scripted_visit.open()
    scripted_visit.box.evaluate("box => { box.value = 'good \\ud83d' }")
    scripted_visit.submit()
    assert scripted_visit.box.input_value() == "good \ufffd"
    assert scripted_visit.complaints == []


def test_the_key_combination_for_sending(scripted_visit: Visit) -> None:
    scripted_visit.open()
    scripted_visit.type(TEXTS[0])
    scripted_visit.answered(lambda: scripted_visit.page.keyboard.press("Control+Enter"))
    assert scripted_visit.answer.count() == 1


def test_loading_is_shown(browser: Browser, staged: str, predictor: FakePredictor) -> None:
    with visiting(browser, staged) as visit:
        visit.open()
        visit.type("good")
        predictor.gate.clear()
        visit.button.click()
        expect(visit.page.locator("#answer")).to_have_attribute("aria-busy", "true")
        expect(visit.announced).to_have_text("Reading…")
        predictor.gate.set()
        expect(visit.answer).to_have_count(1)
        expect(visit.announced).to_have_text("positive, 80.0%")
        assert visit.page.locator(".busy").count() == 0


def test_the_last_one_asked_for_is_shown(browser: Browser, staged: str, predictor: FakePredictor) -> None:
    with visiting(browser, staged) as visit:
        visit.open()
        visit.type("good")
        predictor.gate.clear()
        visit.button.click()
        visit.box.fill("bad")
        visit.button.click()
        predictor.gate.set()
        expect(visit.answer.locator(".verdict strong")).to_have_text("negative")
        assert visit.box.input_value() == "bad"


def test_overload_is_told_with_when_to_come_back(browser: Browser, staged: str, predictor: FakePredictor) -> None:
    predictor.gate.clear()
    with visiting(browser, staged) as one, visiting(browser, staged) as two, visiting(browser, staged) as visit:
        for other in (one, two):
            other.open()
            other.type("good")
            other.button.click()
            expect(other.page.locator("#answer")).to_have_attribute("aria-busy", "true")
        assert predictor.started.wait(10)
        visit.open()
        # Whether the second one's request is counted by now cannot be seen from here; one of these is refused.
        for _ in range(2):
            visit.type("bad")
            visit.button.click()
        alert = visit.page.get_by_role("alert")
        expect(alert).to_contain_text("The queue is full")
        expect(alert).to_contain_text("The server asks to wait 1 second.")
        assert visit.box.input_value() == "bad"
        predictor.gate.set()
        deadline = time.monotonic() + 60
        while "\nqueue_texts 0.0\n" not in httpx.get(f"{staged}/metrics").text:
            assert time.monotonic() < deadline
            visit.page.wait_for_timeout(50)
        visit.submit()
        assert visit.verdict == "negative"


def test_a_failure_is_told_in_the_servers_words(browser: Browser, staged: str, predictor: FakePredictor) -> None:
    predictor.fault = ValueError("weights at 0xdead")
    with visiting(browser, staged) as visit:
        assert visit.classify("good").status == 500
        alert = visit.page.get_by_role("alert")
        assert "The prediction failed; the server has logged the fault." in alert.inner_text()
        assert visit.box.get_attribute("aria-invalid") == "true"
        assert visit.box.get_attribute("aria-describedby") == alert.get_attribute("id")
        predictor.fault = None
        visit.submit()
        assert visit.verdict == "positive"
        assert visit.box.get_attribute("aria-invalid") is None


def test_offline(scripted_visit: Visit) -> None:
    page = scripted_visit.page
    scripted_visit.open()
    page.context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    scripted_visit.type(TEXTS[0])
    scripted_visit.button.click()
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    assert scripted_visit.box.input_value() == TEXTS[0]
    page.context.set_offline(False)
    expect(page.get_by_text("You are offline.")).to_be_hidden()
    scripted_visit.submit()
    assert scripted_visit.answer.count() == 1
    assert page.get_by_role("alert").count() == 0


def test_an_answer_of_something_else_in_between(scripted_visit: Visit) -> None:
    scripted_visit.open()
    scripted_visit.page.route("**/predict", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    scripted_visit.type(TEXTS[0])
    scripted_visit.submit()
    assert "could not be read" in scripted_visit.page.get_by_role("alert").inner_text()


def test_an_example_is_answered(visit: Visit) -> None:
    visit.open()
    example = visit.page.get_by_role("region", name="Try one").get_by_role("button").first
    text = example.inner_text()
    assert visit.answered(example.click).status == 200
    assert visit.box.input_value() == text
    assert visit.answer.count() == 1
