"""The part of the page that takes a file."""

from pathlib import Path

from playwright.sync_api import Locator, Page

from tests.browser.visits import Visit


def choose(visit: Visit, path: Path, content: bytes) -> Page:
    """The page, with a file chosen."""
    path.write_bytes(content)
    visit.open()
    visit.page.get_by_label("File, of up to").set_input_files(path)
    return visit.page


def send(page: Page) -> None:
    page.get_by_role("button", name="Score the file").click()


def result(page: Page) -> Locator:
    region = page.get_by_role("region", name="scored")
    region.wait_for()
    return region
