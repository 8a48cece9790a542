"""The part of the page that takes a file."""

from pathlib import Path

from playwright.sync_api import Locator, Page

from tests.browser.visits import Visit


def choose(visit: Visit, file: Path, content: bytes, *, path: str = "/predict") -> Page:
    """The page at `path`, with a file chosen."""
    file.write_bytes(content)
    visit.open(path)
    visit.page.get_by_label("File (up to").set_input_files(file)
    return visit.page


def send(page: Page) -> None:
    page.get_by_role("button", name="Score the file").click()


def result(page: Page) -> Locator:
    region = page.get_by_role("region", name="scored")
    region.wait_for()
    return region
