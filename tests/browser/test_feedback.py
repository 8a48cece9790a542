"""Corrections: asked for under each answer, and sent with and without JavaScript."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

from serving.errors import DatabaseError
from serving.settings import Settings
from serving.web.app import create_app
from tests.browser import states
from tests.browser.axe import violations_in_every_look
from tests.browser.staging import serving
from tests.browser.visits import Visit, visiting
from tests.serving.fakes import FakePredictor, FakeStore, fake_feedback

pytestmark = pytest.mark.browser

TEXT = 'not "good" &\n<b>it is</b> 😀'  # which the fake likes


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def url(predictor: FakePredictor, store: FakeStore) -> Iterator[str]:
    with serving(create_app(Settings(feedback=True), predictor, feedback=fake_feedback(store))) as url:
        yield url
        store.gate.set()


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def visit(browser: Browser, url: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    with visiting(browser, url, java_script_enabled=request.param) as visit:
        yield visit


@pytest.fixture
def scripted(browser: Browser, url: str) -> Iterator[Visit]:
    with visiting(browser, url) as visit:
        yield visit


def choice(visit: Visit, label: str) -> Locator:
    return visit.page.get_by_role("group", name="Wrong?").get_by_role("button", name=label, exact=True)


def outcome(visit: Visit) -> Locator:
    return visit.page.locator(".correction .outcome")


def test_what_was_answered_is_corrected(visit: Visit, store: FakeStore) -> None:
    visit.classify(TEXT)
    assert choice(visit, "positive").count() == 0
    choice(visit, "negative").click()
    if visit.scripted:
        expect(outcome(visit)).to_have_text("Noted: “negative” is right. Thank you.")
        assert visit.verdict == "positive", "the answer stays where it is"
    else:
        expect(visit.page.get_by_role("heading", name="Thank you")).to_be_visible()
        visit.page.get_by_role("link", name="Classify another text").click()
        expect(visit.button).to_be_visible()
    (kept,) = store.kept
    assert (kept.text, kept.label, kept.correct) == (TEXT, "positive", "negative")
    assert kept.model_version == "0123456789ab"
    assert visit.complaints == []


def test_a_refusal_is_a_page_with_a_way_back(browser: Browser, url: str, store: FakeStore) -> None:
    store.fault = DatabaseError("memory: forgotten")
    with visiting(browser, url, java_script_enabled=False) as visit:
        visit.classify(TEXT)
        with visit.page.expect_navigation() as navigation:
            choice(visit, "negative").click()
        assert navigation.value is not None
        assert navigation.value.status == 503
        expect(visit.page.get_by_role("alert")).to_contain_text("Corrections cannot be read or kept for now.")
        expect(visit.page.get_by_role("alert")).to_contain_text("The server asks to wait 10 seconds.")
        visit.page.get_by_role("link", name="Classify a text").click()
        expect(visit.button).to_be_visible()


def test_it_is_sent_once(scripted: Visit, store: FakeStore) -> None:
    sent = []
    scripted.page.on("request", lambda request: sent.append(request.url) if "/feedback" in request.url else None)
    store.gate.clear()
    scripted.classify(TEXT)
    button = choice(scripted, "negative")
    button.dblclick()
    expect(button).to_be_disabled()
    expect(choice(scripted, "neutral")).to_be_disabled()
    scripted.page.locator("form.correction").evaluate(
        "form => { form.requestSubmit(form.querySelector('button')); form.requestSubmit(form.querySelector('button')) }"
    )
    store.gate.set()
    expect(outcome(scripted)).to_contain_text("Noted")
    assert [address for address in sent if address.endswith("/feedback")] == [
        f"{scripted.page.url.split('/predict')[0]}/feedback"
    ]
    assert len(store.kept) == 1
    expect(scripted.page.get_by_role("group", name="Wrong?")).to_be_hidden()


def test_what_went_wrong_is_told_and_may_be_tried_again(scripted: Visit, store: FakeStore) -> None:
    store.fault = DatabaseError("memory: forgotten")
    scripted.classify(TEXT)
    button = choice(scripted, "negative")
    button.click()
    expect(outcome(scripted)).to_contain_text("Corrections cannot be read or kept for now.")
    expect(outcome(scripted)).to_contain_text("Request ")
    assert "forgotten" not in outcome(scripted).inner_text()
    expect(button).to_be_enabled()
    expect(button).to_be_focused()
    store.fault = None
    button.click()
    expect(outcome(scripted)).to_contain_text("Noted")


@pytest.mark.parametrize("fault", [None, DatabaseError("memory: forgotten")])
def test_who_writes_the_next_text_meanwhile_keeps_their_place(
    scripted: Visit, store: FakeStore, fault: DatabaseError | None
) -> None:
    store.gate.clear()
    scripted.classify(TEXT)
    choice(scripted, "negative").click()
    scripted.page.locator("textarea").focus()
    store.fault = fault
    store.gate.set()
    expect(outcome(scripted)).not_to_be_empty()
    expect(scripted.page.locator("textarea")).to_be_focused()


def test_no_way_to_the_server(scripted: Visit) -> None:
    scripted.classify(TEXT)
    scripted.page.context.set_offline(True)
    choice(scripted, "negative").click()
    expect(outcome(scripted)).to_have_text("The correction did not reach the server; try again in a moment.")
    scripted.page.context.set_offline(False)
    choice(scripted, "negative").click()
    expect(outcome(scripted)).to_contain_text("Noted")


def test_something_else_in_between(scripted: Visit) -> None:
    scripted.classify(TEXT)
    scripted.page.route("**/feedback", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    choice(scripted, "negative").click()
    expect(outcome(scripted)).to_have_text("The correction did not reach the server; try again in a moment.")


def test_by_keyboard_alone_and_as_it_is_read_out(scripted: Visit, store: FakeStore) -> None:
    scripted.classify(TEXT)
    # Screen readers heed a live region only if it was there, and empty, before it has something to say.
    assert outcome(scripted).get_attribute("role") == "status"
    assert outcome(scripted).inner_text() == ""
    button = choice(scripted, "negative")
    for _ in range(10):
        if button.evaluate("button => button === document.activeElement"):
            break
        scripted.page.keyboard.press("Tab")
    expect(button).to_be_focused()
    scripted.page.keyboard.press("Enter")
    expect(outcome(scripted)).to_be_focused()
    assert len(store.kept) == 1


@pytest.mark.parametrize("state", ["asked", "sending", "noted", "failed"])
def test_axe(scripted: Visit, store: FakeStore, state: str) -> None:
    if state == "sending":
        store.gate.clear()
    if state == "failed":
        store.fault = DatabaseError("memory: forgotten")
    scripted.classify(TEXT)
    states.unfold(scripted.page)
    if state != "asked":
        choice(scripted, "negative").click()
    if state == "sending":
        expect(choice(scripted, "negative")).to_be_disabled()
    elif state != "asked":
        expect(outcome(scripted)).not_to_be_empty()
    assert violations_in_every_look(scripted) == []


def test_axe_of_the_thanks(scripted: Visit) -> None:
    scripted.classify(TEXT)
    with scripted.page.expect_navigation():
        scripted.page.locator("form.correction").evaluate(
            "form => { const button = form.querySelector('button');"
            "const other = Object.assign(document.createElement('input'), { name: 'correct', value: button.value });"
            "form.append(other); form.submit() }"
        )
    expect(scripted.page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert violations_in_every_look(scripted) == []


def test_many_long_labels(browser: Browser, store: FakeStore) -> None:
    labels = [f"class {number} of a long name that goes on and on" for number in range(12)] + ["a<b & 'c'"]
    app = create_app(Settings(feedback=True), FakePredictor(labels), feedback=fake_feedback(store))
    with serving(app) as url, visiting(browser, url) as visit:
        visit.classify("good")
        visit.page.get_by_text("6 more", exact=True).click()
        assert violations_in_every_look(visit) == []
        choice(visit, labels[-2]).click()
        expect(outcome(visit)).to_contain_text(f"“{labels[-2]}” is right")
    assert [kept.correct for kept in store.kept] == [labels[-2]]


def test_a_form_of_another_site_is_refused(scripted: Visit, url: str, store: FakeStore) -> None:
    fields = "".join(
        f"<input name={name} value={value}>"
        for name, value in {"text": "x", "label": "positive", "correct": "negative"}.items()
    )
    form = f"<form method=post action={url}/feedback>{fields}<button>Win a prize</button></form>"
    scripted.page.route("http://prizes.example/", lambda route: route.fulfill(body=form, content_type="text/html"))
    scripted.open("http://prizes.example/")
    with scripted.page.expect_navigation() as navigation:
        scripted.page.get_by_role("button").click()
    assert navigation.value is not None
    assert navigation.value.status == 403
    expect(scripted.page.get_by_role("alert")).to_contain_text("comes from another site's page")
    assert store.kept == []
