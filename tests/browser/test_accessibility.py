"""axe-core finds nothing, in any state of any page, light and dark, wide and narrow; and the keyboard is enough."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import states
from tests.browser.axe import violations, violations_in_every_look
from tests.browser.states import FileState, HeldState, State
from tests.browser.visits import Visit, visiting
from tests.bundles import TEXTS
from tests.deploy.services import Service
from tests.serving.fakes import FakePredictor

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("state", states.PLAIN)
def test_axe(scripted_visit: Visit, state: State) -> None:
    state(scripted_visit)
    assert violations_in_every_look(scripted_visit) == []


@pytest.mark.parametrize("state", states.HELD)
def test_axe_while_the_service_is_slow_or_fails(
    browser: Browser, staged: str, predictor: FakePredictor, state: HeldState
) -> None:
    with visiting(browser, staged) as visit:
        state(visit, predictor)
        try:
            assert violations_in_every_look(visit) == []
        finally:
            predictor.gate.set()


@pytest.mark.parametrize("state", states.OF_FILES)
def test_axe_with_a_file(scripted_visit: Visit, tmp_path: Path, state: FileState) -> None:
    file = tmp_path / "in.csv"
    file.write_text("id,tweet\n" + "".join(f"{n},{text}\n" for n, text in enumerate(TEXTS)), encoding="utf-8")
    state(scripted_visit, file)
    assert violations_in_every_look(scripted_visit) == []


def test_axe_without_javascript(browser: Browser, server: Service) -> None:
    """Its rules are scripts, so what is looked at is the page that came without."""
    with visiting(browser, server.url, java_script_enabled=False) as plain:
        plain.classify(TEXTS[0])
        content = plain.page.content()
    with visiting(browser, server.url) as visit:
        visit.open()
        visit.page.route("**/predict", lambda route: route.fulfill(body=content, content_type="text/html"))
        visit.page.route("**/*.js*", lambda route: route.abort())
        visit.open()
        assert violations_in_every_look(visit) == []


def test_axe_finds_what_is_there_to_find(scripted_visit: Visit) -> None:
    scripted_visit.open()
    scripted_visit.page.locator("label[for=text]").evaluate("label => label.remove()")
    scripted_visit.page.locator(".empty").evaluate("note => { note.style.color = '#ccc' }")
    assert {found.partition(":")[0] for found in violations(scripted_visit)} == {"label", "color-contrast"}


def test_by_keyboard_alone(browser: Browser, server: Service) -> None:
    with visiting(browser, server.url) as visit:
        keyboard = visit.page.keyboard
        visit.open()
        visit.page.locator("textarea:focus").wait_for()
        keyboard.type(TEXTS[0])
        keyboard.press("Tab")
        expect(visit.button).to_be_focused()
        visit.answered(lambda: keyboard.press("Enter"))
        expect(visit.button).to_be_focused()
        keyboard.press("Tab")
        expect(visit.page.locator("summary").first).to_be_focused()
        keyboard.press("Enter")
        assert visit.page.locator("details[open]").count() == 1
        example = visit.page.get_by_role("region", name="Try one").get_by_role("button").first
        stops = 0
        while not example.evaluate("button => button === document.activeElement") and stops < 10:
            keyboard.press("Tab")
            stops += 1
        expect(example).to_be_focused()
        visit.answered(lambda: keyboard.press("Enter"))
        assert visit.box.input_value() == example.inner_text()


def test_a_file_by_keyboard_alone(scripted_visit: Visit, tmp_path: Path) -> None:
    page, keyboard = scripted_visit.page, scripted_visit.page.keyboard
    file = tmp_path / "in.csv"
    file.write_text("text\ngood\n", encoding="utf-8")
    scripted_visit.open()
    field = page.get_by_label("File (up to")
    stops = 0
    while not field.evaluate("field => field === document.activeElement") and stops < 12:
        keyboard.press("Tab")
        stops += 1
    expect(field).to_be_focused()
    field.set_input_files(file)  # the window that chooses a file is the browser's own
    expect(field).to_be_focused()
    keyboard.press("Tab")
    expect(page.get_by_text("How the file is read")).to_be_focused()
    keyboard.press("Tab")
    expect(page.get_by_role("button", name="Score the file")).to_be_focused()
    keyboard.press("Enter")
    expect(page.get_by_role("heading", name="1 row scored")).to_be_focused()
    assert page.locator(".files-status").inner_text() == "1 row scored. The download is ready."
    assert page.locator(".files-status").get_attribute("aria-live") == "polite"
    keyboard.press("Tab")
    expect(page.get_by_role("link", name="Download")).to_be_focused()


def test_the_content_is_one_key_away(scripted_visit: Visit) -> None:
    scripted_visit.open("/model")
    scripted_visit.page.keyboard.press("Tab")
    link = scripted_visit.page.get_by_role("link", name="Skip to the content")
    expect(link).to_be_focused()
    scripted_visit.page.keyboard.press("Enter")
    expect(scripted_visit.page.get_by_role("main")).to_be_focused()


def test_focus_is_seen(scripted_visit: Visit) -> None:
    scripted_visit.open()
    for _ in range(6):
        scripted_visit.page.keyboard.press("Tab")
        width = scripted_visit.page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert width == "3px"
