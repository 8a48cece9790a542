"""axe-core finds nothing, in any state of any page, light and dark, wide and narrow; and the keyboard is enough."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.browser.visits import Visit, visiting
from tests.bundles import TEXTS
from tests.deploy.services import Service

pytestmark = pytest.mark.browser

NARROW, WIDE = {"width": 375, "height": 667}, {"width": 1600, "height": 1000}


def violations(visit: Visit) -> list[str]:
    """What axe-core finds on the page as it is."""
    found = Axe().run(visit.page).response["violations"]
    return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]


def opened(visit: Visit) -> None:
    visit.open()


def answered(visit: Visit) -> None:
    visit.classify("not so good 😀 #WorstShowEver I love this @bob")
    visit.page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")


def cut(visit: Visit) -> None:
    visit.classify("I love this show " * 100)


def refused(visit: Visit) -> None:
    visit.classify("  ")


def offline(visit: Visit) -> None:
    visit.open()
    visit.page.context.set_offline(True)
    visit.type("good")
    visit.button.click()
    visit.page.get_by_role("alert").wait_for()


def lost(visit: Visit) -> None:
    visit.open("/nowhere")


def model(visit: Visit) -> None:
    visit.open("/model")


def docs(visit: Visit) -> None:
    visit.open("/docs")


@pytest.mark.parametrize("state", [opened, answered, cut, refused, offline, lost, model, docs])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [NARROW, WIDE], ids=["narrow", "wide"])
def test_axe(
    browser: Browser, server: Service, state: Callable[[Visit], None], scheme: str, viewport: dict[str, int]
) -> None:
    options = {"color_scheme": scheme, "viewport": viewport, "reduced_motion": "reduce"}
    with visiting(browser, server.url, **options) as visit:
        state(visit)
        assert violations(visit) == []


def test_axe_finds_what_is_there_to_find(scripted_visit: Visit) -> None:
    scripted_visit.open()
    scripted_visit.page.locator("label[for=text]").evaluate("label => label.remove()")
    scripted_visit.page.locator(".empty").evaluate("note => { note.style.color = '#ccc' }")
    assert {found.partition(":")[0] for found in violations(scripted_visit)} == {"label", "color-contrast"}


@pytest.mark.parametrize("path", ["/predict", "/model", "/docs", "/nowhere"])
def test_no_sideways_scrolling(browser: Browser, server: Service, path: str) -> None:
    with visiting(browser, server.url, viewport=NARROW) as visit:
        visit.open(path)
        width = visit.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width <= 0


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
