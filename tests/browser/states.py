"""Every state that a page can be in, and the way of a visitor into it."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.visits import Visit
from tests.serving.fakes import FakePredictor

ASK = """text => {
  const body = new URLSearchParams({ text, explain: "true" });
  fetch("/predict", { method: "POST", body }).catch(() => {});
}"""
"""A request beside the form's own."""

State = Callable[[Visit], None]
HeldState = Callable[[Visit, FakePredictor], None]
FileState = Callable[[Visit, Path], None]


def opened(visit: Visit) -> None:
    visit.open()


def answered(visit: Visit) -> None:
    visit.classify("not so good 😀 #WorstShowEver I love this @bob")
    unfold(visit.page)


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


def waiting(visit: Visit, predictor: FakePredictor) -> None:
    """For the first answer."""
    visit.open()
    hold(visit, predictor)


def waiting_again(visit: Visit, predictor: FakePredictor) -> None:
    """For another answer, with the one before still there."""
    visit.classify("not good")
    hold(visit, predictor)


def failed(visit: Visit, predictor: FakePredictor) -> None:
    predictor.fault = ValueError()
    visit.classify("good")
    visit.page.get_by_role("alert").wait_for()


def overloaded(visit: Visit, predictor: FakePredictor) -> None:
    """With as many explanations in the queue as it takes."""
    predictor.gate.clear()
    visit.open()
    for _ in range(3):
        visit.page.evaluate(ASK, "bad")
    assert predictor.started.wait(10)
    alert = visit.page.get_by_role("alert")
    # Which of the requests is the one too many cannot be seen from here.
    for _ in range(3):
        visit.type("good")
        visit.button.click()
        visit.page.wait_for_timeout(200)
    expect(alert).to_contain_text("The queue is full")


def chosen(visit: Visit, file: Path) -> None:
    visit.open()
    visit.page.get_by_text("How the file is read").click()
    visit.page.get_by_label("File (up to").set_input_files(file)


def sending(visit: Visit, file: Path) -> None:
    chosen(visit, file)
    visit.page.route("**/predict/file", lambda _: None)
    send(visit.page)
    visit.page.get_by_role("progressbar").wait_for()


def scored(visit: Visit, file: Path) -> None:
    chosen(visit, file)
    send(visit.page)
    visit.page.get_by_role("region", name="scored").wait_for()


def file_refused(visit: Visit, file: Path) -> None:
    chosen(visit, file)
    visit.page.get_by_label("Column of texts").fill("nowhere")
    send(visit.page)
    visit.page.get_by_role("alert").filter(has_text="nowhere").wait_for()


def file_offline(visit: Visit, file: Path) -> None:
    chosen(visit, file)
    visit.page.context.set_offline(True)
    send(visit.page)
    visit.page.get_by_role("alert").filter(has_text="offline").wait_for()


def hold(visit: Visit, predictor: FakePredictor) -> None:
    """Ask for an answer that does not come."""
    predictor.gate.clear()
    visit.type("bad")
    visit.button.click()
    expect(visit.page.locator("#answer")).to_have_attribute("aria-busy", "true")


def send(page: Page) -> None:
    page.get_by_role("button", name="Score the file").click()


def unfold(page: Page) -> None:
    """Open all that can be opened."""
    page.locator("main details").evaluate_all("all => all.forEach(one => one.open = true)")


PLAIN: list[State] = [opened, answered, cut, refused, offline, lost, model]
HELD: list[HeldState] = [waiting, waiting_again, failed, overloaded]
OF_FILES: list[FileState] = [chosen, sending, scored, file_refused, file_offline]
