"""One visitor's way through the service's pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Request, Response


@dataclass
class Visit:
    """A page of a fresh browser profile. `complaints`: all that its console, scripts and content policy said."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str = "/predict") -> Response:
        response = self.page.goto(path)
        assert response is not None
        return response

    @property
    def box(self) -> Locator:
        return self.page.get_by_label("Tweet", exact=True)

    @property
    def answer(self) -> Locator:
        return self.page.get_by_role("region", name="Prediction")

    def type(self, text: str) -> None:
        """Type into the box that a visitor finds the cursor in."""
        self.page.locator("textarea:focus").wait_for()
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.insert_text(text)

    def submit(self) -> Response:
        """Press the button; returns the answer once its page has loaded."""
        with self.page.expect_navigation() as navigation:
            self.page.get_by_role("button", name="Classify").click()
        response = navigation.value
        assert response is not None
        return response

    def classify(self, text: str) -> Response:
        """From an empty form to the answer."""
        self.open()
        self.type(text)
        return self.submit()


@contextmanager
def visiting(browser: Browser, url: str, **options: Any) -> Iterator[Visit]:
    """A visit with the given options of the browser's context."""
    context = browser.new_context(base_url=url, **options)
    try:
        visit = Visit(context.new_page())
        visit.page.on("console", lambda message: visit.complaints.append(message.text))
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visit.page.on("requestfailed", lambda request: _note_failure(visit, request))
        yield visit
    finally:
        context.close()


def _note_failure(visit: Visit, request: Request) -> None:
    # A page that is left stops what it still loads: no fault of the page.
    if request.failure != "net::ERR_ABORTED":
        visit.complaints.append(f"failed: {request.url} ({request.failure})")
