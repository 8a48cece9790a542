"""One visitor's way through the service's pages."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Request, Response, expect

PATIENCE = 60_000.0
"""Milliseconds that a busy machine may take for what is bound to happen."""


@dataclass
class Visit:
    """A page of a fresh browser profile. `complaints`: all that its console, scripts and content policy said.

    `scripted`: its scripts run, so that an answer comes without a new page.
    """

    page: Page
    scripted: bool = True
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str = "/predict") -> Response:
        response = self.page.goto(path)
        assert response is not None
        return response

    @property
    def box(self) -> Locator:
        return self.page.get_by_label(re.compile("^(Tweet|Text)$"))

    @property
    def button(self) -> Locator:
        return self.page.get_by_role("button", name="Classify")

    @property
    def announced(self) -> Locator:
        """What a screen reader is told."""
        return self.page.locator("#status")

    @property
    def verdict(self) -> str:
        """The answer's label."""
        return self.answer.locator(".verdict strong").inner_text()

    @property
    def answer(self) -> Locator:
        return self.page.get_by_role("region", name="Prediction")

    def type(self, text: str) -> None:
        """Type into the box, in which a visitor of a new page finds the cursor."""
        if self.scripted:
            self.box.click()
        self.page.locator("textarea:focus").wait_for()
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.insert_text(text)

    def submit(self) -> Response:
        """Press the button; returns the answer once it is shown."""
        return self.answered(self.button.click)

    def answered(self, act: Callable[[], object]) -> Response:
        """Do what asks for an answer; returns it once it is shown."""
        if self.scripted:
            with self.page.expect_response(lambda response: response.request.method == "POST") as answer:
                act()
            self.settled()
            return answer.value
        with self.page.expect_navigation() as navigation:
            act()
        response = navigation.value
        assert response is not None
        return response

    def settled(self) -> None:
        """Wait until no answer is being fetched."""
        self.page.locator("#answer:not([aria-busy='true'])").wait_for(state="attached")

    def classify(self, text: str) -> Response:
        """From an empty form to the answer."""
        self.open()
        self.type(text)
        return self.submit()


@contextmanager
def visiting(browser: Browser, url: str, **options: Any) -> Iterator[Visit]:
    """A visit with the given options of the browser's context."""
    context = browser.new_context(base_url=url, **options)
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    try:
        visit = Visit(context.new_page(), scripted=options.get("java_script_enabled", True))
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
