import httpx
import pytest
from playwright.sync_api import Browser

from tests.browser.visits import Visit, visiting
from tests.bundles import LABELS, TEXTS
from tests.deploy.services import Service

pytestmark = pytest.mark.browser

SCRIPTS = {
    "element": "<script>window.ran = 1</script>",
    "attribute": '"><img src=x onerror="window.ran = 1">',
    "after the box": "</textarea><script>window.ran = 1</script>",
    "after the title": "</title><svg onload='window.ran = 1'>{{ 7 * 7 }}",
}
LONG = {"short": TEXTS[0], "one word": "a" * 500, "many words": "word " * 400}
REFUSED = "Failed to load resource: the server responded with a status of 422"


def test_the_start_leads_to_the_form(visit: Visit) -> None:
    assert visit.open("/").ok
    assert visit.page.url.endswith("/predict")
    assert visit.box.input_value() == ""
    assert visit.answer.count() == 0
    assert visit.complaints == []


@pytest.mark.parametrize("text", [*TEXTS, "two\nlines & 50% off <3 😀"])
def test_a_text_gets_the_answer_that_programs_get(visit: Visit, curl: httpx.Client, text: str) -> None:
    assert visit.classify(text).status == 200
    by_form = curl.post("/predict", data={"text": text}).raise_for_status().json()
    assert curl.post("/predict", json={"text": text}).raise_for_status().json() == by_form
    verdict = visit.answer.locator(".verdict")
    assert verdict.inner_text().split() == [by_form["label"], f"{by_form['probability']:.1%}"]
    shown = {item.locator(".name").inner_text(): item for item in visit.answer.get_by_role("listitem").all()}
    assert sorted(shown) == sorted(LABELS)
    for label, item in shown.items():
        probability = by_form["probabilities"][label]
        assert item.locator(".figure").inner_text() == f"{probability:.1%}"
        assert float(item.get_by_role("meter").get_attribute("value") or "nan") == pytest.approx(probability)
    assert visit.box.input_value() == text
    assert visit.page.title().startswith(by_form["label"])
    assert visit.complaints == []


def test_one_text_after_the_other(visit: Visit, curl: httpx.Client) -> None:
    visit.open()
    for text in TEXTS[:3]:
        visit.type(text)
        visit.submit()
        expected = curl.post("/predict", json={"text": text}).json()["label"]
        assert visit.answer.locator(".verdict strong").inner_text() == expected


def test_an_empty_box_is_not_sent(visit: Visit) -> None:
    visit.open()
    visit.page.get_by_role("button", name="Classify").click()
    assert visit.page.locator("textarea:invalid").count() == 1
    assert visit.page.get_by_role("alert").count() == 0


def test_a_blank_text_is_refused_on_a_page_that_still_works(visit: Visit) -> None:
    assert visit.classify("  \n ").status == 422
    assert "holds only white space" in visit.page.get_by_role("alert").inner_text()
    assert visit.answer.count() == 0
    assert [text[: len(REFUSED)] for text in visit.complaints] == [REFUSED]
    visit.type(TEXTS[0])
    assert visit.submit().status == 200
    assert visit.answer.count() == 1
    assert visit.page.get_by_role("alert").count() == 0


def test_an_empty_text_that_is_sent_all_the_same_is_refused_too(scripted_visit: Visit) -> None:
    scripted_visit.open()
    scripted_visit.page.evaluate("document.querySelector('form').noValidate = true")
    assert scripted_visit.submit().status == 422
    assert "text is empty" in scripted_visit.page.get_by_role("alert").inner_text()


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_is_shown_as_text_and_does_not_run(scripted_visit: Visit, text: str) -> None:
    page = scripted_visit.page
    assert scripted_visit.classify(text).status == 200
    assert scripted_visit.box.input_value() == text
    assert page.locator("script:not([src]), img, svg").count() == 0
    assert page.evaluate("window.ran") is None
    # Had a script been there, the content policy would have stopped it with a message.
    assert scripted_visit.complaints == []


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_phone_needs_no_sideways_scrolling(browser: Browser, server: Service, text: str) -> None:
    with visiting(browser, server.url, viewport={"width": 375, "height": 667}) as visit:
        visit.open()
        assert sideways(visit) <= 0
        visit.type(text)
        visit.submit()
        assert visit.answer.count() == 1
        assert sideways(visit) <= 0


def test_dark_mode_is_followed(browser: Browser, server: Service) -> None:
    grounds, inks = zip(colours(browser, server, "light"), colours(browser, server, "dark"), strict=True)
    assert grounds[0] != grounds[1]
    assert inks[0] != inks[1]
    assert grounds[1] != inks[1]


def sideways(visit: Visit) -> int:
    """Pixels by which the page is wider than the window."""
    page: int = visit.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return page


def colours(browser: Browser, server: Service, scheme: str) -> tuple[str, str]:
    """The page's background and text."""
    with visiting(browser, server.url, color_scheme=scheme) as visit:
        visit.open()
        style = "getComputedStyle(document.body)"
        background, color = visit.page.evaluate(f"[{style}.backgroundColor, {style}.color]")
        assert visit.complaints == []
    return background, color
