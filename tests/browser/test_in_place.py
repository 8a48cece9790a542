"""What the script adds: answers without a new page, addresses, states, the last texts."""

import shutil
import subprocess
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from serving.app import create_app
from serving.settings import Settings
from tests.browser.staging import serving
from tests.browser.visits import Visit, visiting
from tests.bundles import TEXTS
from tests.deploy.services import Service
from tests.serving.fakes import FakePredictor

pytestmark = pytest.mark.browser

KEY = "first-key-of-sixteen"


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


def test_the_last_ten_are_kept_in_the_browser(scripted_visit: Visit) -> None:
    page, recent = scripted_visit.page, scripted_visit.page.get_by_role("region", name="Your last ones")
    scripted_visit.open()
    assert recent.count() == 0
    texts = [f"text {number}" for number in range(12)]
    for text in [*texts, texts[5]]:
        scripted_visit.box.fill(text)
        scripted_visit.submit()
    page.goto("about:blank")
    scripted_visit.open()
    kept = [item.inner_text().split("\n")[0] for item in recent.get_by_role("listitem").all()]
    assert kept == [texts[5], *reversed([text for text in texts[2:] if text != texts[5]])]
    scripted_visit.answered(recent.get_by_role("button", name="text 3 ").click)
    assert scripted_visit.box.input_value() == "text 3"
    recent.get_by_role("button", name="Clear").click()
    assert recent.count() == 0
    assert page.evaluate("localStorage.length") == 0
    scripted_visit.open()
    assert recent.count() == 0


@pytest.mark.parametrize("stored", ["{", "null", "7", '{"a": 1}', '[null, {"text": 1}, "a"]'])
def test_a_store_that_holds_something_else(scripted_visit: Visit, stored: str) -> None:
    scripted_visit.open()
    scripted_visit.page.evaluate("value => localStorage.setItem('tweet-sentiment.recent', value)", stored)
    scripted_visit.open()
    scripted_visit.type(TEXTS[0])
    scripted_visit.submit()
    assert scripted_visit.page.get_by_role("region", name="Your last ones").get_by_role("listitem").count() == 1
    assert scripted_visit.complaints == []


def test_the_command_is_the_request(browser: Browser, server: Service) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl")
    text = """it's "good" & $HOME `x` \\ 50% <b> 😀"""
    with visiting(browser, server.url, permissions=["clipboard-read", "clipboard-write"]) as visit:
        visit.classify(text)
        visit.page.get_by_text("As a command").click()
        visit.page.get_by_role("button", name="Copy").click()
        expect(visit.page.get_by_role("button", name="Copied")).to_be_visible()
        command = visit.page.evaluate("navigator.clipboard.readText()")
        assert visit.page.locator("#command").inner_text() == command
        verdict = visit.verdict
    env = {"PATH": "/usr/bin:/bin", "no_proxy": "*"}
    answer = subprocess.run(["sh", "-c", command], capture_output=True, check=True, env=env).stdout.decode()
    assert f'"label":"{verdict}"' in answer
    assert '"explanation":[' in answer
    assert '"word":"😀"' in answer


def test_with_an_api_key(browser: Browser, predictor: FakePredictor) -> None:
    keyed = create_app(Settings.model_validate({"api_keys": KEY}), predictor)
    with serving(keyed) as url, visiting(browser, url, http_credentials={"username": "", "password": KEY}) as visit:
        visit.classify("good")
        assert visit.verdict == "positive"
        assert '-H "X-API-Key: $API_KEY"' in (visit.page.locator("#command").text_content() or "")
        assert KEY not in visit.page.content()
