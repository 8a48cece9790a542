"""An answer's place in the browser's history, and the address that it can be passed on by."""

from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import states
from tests.browser.visits import Visit, visiting
from tests.bundles import TEXTS
from tests.deploy.services import Service
from tests.serving.fakes import FakePredictor

pytestmark = pytest.mark.browser


def test_back_forward_and_reload(scripted_visit: Visit) -> None:
    page = scripted_visit.page
    for text in TEXTS[:2]:
        if text == TEXTS[0]:
            scripted_visit.open()
        scripted_visit.box.fill(text)
        scripted_visit.submit()
    verdicts = {TEXTS[1]: scripted_visit.verdict}
    scripted_visit.answered(page.go_back)
    assert scripted_visit.box.input_value() == TEXTS[0]
    assert page.url.endswith(f"/predict#text={quote(TEXTS[0], safe=chr(39) + '()!*~')}")
    page.go_back()
    expect(scripted_visit.answer).to_have_count(0)
    assert scripted_visit.box.input_value() == ""
    assert page.url.endswith("/predict")
    assert page.title().startswith("Classify a text")
    scripted_visit.answered(page.go_forward)
    scripted_visit.answered(page.go_forward)
    assert scripted_visit.verdict == verdicts[TEXTS[1]]
    scripted_visit.answered(page.reload)
    assert (scripted_visit.box.input_value(), scripted_visit.verdict) == (TEXTS[1], verdicts[TEXTS[1]])
    assert scripted_visit.complaints == []


def test_back_from_another_page(scripted_visit: Visit) -> None:
    scripted_visit.classify(TEXTS[0])
    verdict = scripted_visit.verdict
    scripted_visit.page.get_by_role("link", name="Model", exact=True).click()
    scripted_visit.page.get_by_role("heading", name="tiny").wait_for()
    scripted_visit.page.go_back()
    expect(scripted_visit.answer).to_have_count(1)
    assert (scripted_visit.box.input_value(), scripted_visit.verdict) == (TEXTS[0], verdict)


def test_back_while_an_answer_is_awaited(browser: Browser, staged: str, predictor: FakePredictor) -> None:
    with visiting(browser, staged) as visit:
        visit.classify("good")
        states.hold(visit, predictor)
        visit.page.go_back()
        expect(visit.page.locator("#answer")).to_have_attribute("aria-busy", "false")
        predictor.gate.set()
        assert visit.box.input_value() == ""
        assert visit.answer.count() == 0
        visit.answered(visit.page.go_forward)
        assert (visit.box.input_value(), visit.verdict) == ("good", "positive")


def test_the_same_text_again_is_no_new_place(scripted_visit: Visit) -> None:
    scripted_visit.classify(TEXTS[0])
    length = scripted_visit.page.evaluate("history.length")
    scripted_visit.submit()
    assert scripted_visit.page.evaluate("history.length") == length


@pytest.mark.parametrize("text", ["50% off & more? #yes +1 😀", "two\nlines", "x" * 1000])
def test_an_address_can_be_passed_on(browser: Browser, server: Service, text: str) -> None:
    with visiting(browser, server.url) as one:
        one.classify(text)
        address, verdict = one.page.url, one.verdict
    with visiting(browser, server.url) as other:
        other.answered(lambda: other.page.goto(address))
        assert (other.box.input_value(), other.verdict) == (text, verdict)


def test_a_text_too_long_for_an_address_is_kept_all_the_same(scripted_visit: Visit) -> None:
    text = "word " * 300
    scripted_visit.classify(text)
    assert scripted_visit.page.url.endswith("/predict")
    scripted_visit.answered(scripted_visit.page.reload)
    assert scripted_visit.box.input_value() == text


def test_no_text_reaches_the_servers_log(scripted_visit: Visit, server: Service) -> None:
    scripted_visit.classify("a secret of mine")
    scripted_visit.answered(scripted_visit.page.reload)
    assert "/predict" in server.output
    assert "secret" not in server.output


@pytest.mark.parametrize("hash", ["#text=%E0%A4%A", "#text=", "#other"])
def test_an_address_that_holds_no_text(scripted_visit: Visit, hash: str) -> None:
    scripted_visit.open(f"/predict{hash}")
    assert scripted_visit.box.input_value() == ""
    assert scripted_visit.answer.count() == 0
    assert scripted_visit.complaints == []
