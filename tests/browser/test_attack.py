"""Script texts, by every way in which a text or a name comes back, reflected or stored, in a real browser."""

import base64
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser

from serving.model.metadata import DataFile, KnownAnswer, Metadata
from serving.settings import Settings
from serving.web.app import create_app
from tests.browser import states
from tests.browser.staging import serving
from tests.browser.upload import choose, result, send
from tests.browser.visits import Visit, visiting
from tests.deploy.services import Service
from tests.serving.fakes import FakePredictor

pytestmark = pytest.mark.browser

ATTACKS = [
    "<script>window.ran = 1</script>",
    '"><img src=x onerror="window.ran = 1">',
    "</textarea></form><svg/onload=window.ran=1>",
    "<iframe srcdoc='<script>parent.window.ran = 1</script>'></iframe>",
    "javascript:window.ran=1//<a href='javascript:window.ran=1' autofocus onfocus=window.ran=1>",
    "<math><mtext></table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=window.ran=1&gt;'>",
    "{{ 7 * 7 }}{% raw %}<script>window.ran = 1</script>{% endraw %}",
]


def assert_harmless(visit: Visit) -> None:
    page = visit.page
    assert page.evaluate("window.ran") is None
    assert page.locator("img, svg, iframe, math, [onerror], [onload], [onfocus], a[href^='javascript:']").count() == 0
    inline = page.locator("script:not([src]), style").count()
    assert inline == 0
    assert not [text for text in visit.complaints if "Content Security Policy" in text], "nothing even tried to run"


@pytest.mark.parametrize("text", ATTACKS)
def test_an_answered_text(scripted_visit: Visit, text: str) -> None:
    assert scripted_visit.classify(text).status == 200
    assert scripted_visit.box.input_value() == text
    assert_harmless(scripted_visit)


@pytest.mark.parametrize("text", ATTACKS)
def test_a_refused_text(scripted_visit: Visit, text: str) -> None:
    """Too long for the service: it comes back in the box, beside the error."""
    long = text + "x" * 10_001
    scripted_visit.open()
    scripted_visit.page.evaluate("document.querySelector('textarea').removeAttribute('maxlength')")
    scripted_visit.box.fill(long)
    assert scripted_visit.submit().status == 422
    assert scripted_visit.page.get_by_role("alert").count() == 1
    assert_harmless(scripted_visit)


@pytest.mark.parametrize("text", ATTACKS)
def test_a_path_that_is_not_there(scripted_visit: Visit, text: str) -> None:
    response = scripted_visit.page.goto("/" + base64.b16encode(text.encode()).decode())
    assert response is not None
    assert response.status == 404
    scripted_visit.page.goto(f"/{text}?{text}#{text}")
    assert_harmless(scripted_visit)


@pytest.mark.parametrize("text", ATTACKS)
def test_a_text_in_an_address(scripted_visit: Visit, text: str) -> None:
    scripted_visit.answered(lambda: scripted_visit.open(f"/predict#text={quote(text, safe='')}"))
    assert scripted_visit.box.input_value() == text
    states.unfold(scripted_visit.page)
    assert_harmless(scripted_visit)


@pytest.mark.parametrize("text", ATTACKS)
def test_what_the_browser_has_stored(scripted_visit: Visit, text: str) -> None:
    """By whoever could write there: each part of each of the last ones."""
    scripted_visit.open()
    stored = json.dumps([{"text": text, "label": text, "figure": text, text: text}] * 2)
    scripted_visit.page.evaluate("value => localStorage.setItem('tweet-sentiment.recent', value)", stored)
    scripted_visit.page.reload()
    recent = scripted_visit.page.get_by_role("region", name="Your recent texts")
    assert recent.get_by_role("listitem").count() == 2
    assert text in (recent.text_content() or "")
    assert_harmless(scripted_visit)
    scripted_visit.answered(recent.get_by_role("button").first.click)
    assert scripted_visit.box.input_value() == text
    assert_harmless(scripted_visit)


@pytest.mark.parametrize("text", ATTACKS)
def test_a_files_name_header_and_cells(scripted_visit: Visit, tmp_path: Path, text: str) -> None:
    content = io.StringIO(newline="")
    csv.writer(content, quoting=csv.QUOTE_ALL).writerows([[text], [text], ["good"], [""]])
    name = f"{text.replace('/', '⁄')[:60]}.csv"
    page = choose(scripted_visit, tmp_path / name, content.getvalue().encode())
    page.get_by_text("How the file is read").click()
    page.get_by_label("The first row holds").select_option("true")
    send(page)
    shown = result(page)
    assert text in (shown.locator(".files-preview").text_content() or "")
    assert shown.locator("[data-text]").text_content() == text
    assert name.removesuffix(".csv") in (shown.get_by_role("link", name="Download").text_content() or "")
    assert_harmless(scripted_visit)


@pytest.mark.parametrize("text", ATTACKS)
def test_a_column_that_is_not_there(scripted_visit: Visit, tmp_path: Path, text: str) -> None:
    page = choose(scripted_visit, tmp_path / "in.csv", b"a\n1\n")
    page.get_by_text("How the file is read").click()
    page.get_by_label("Column of texts").fill(text)
    send(page)
    page.get_by_role("alert").filter(has_text="no column").wait_for()
    assert_harmless(scripted_visit)


class Malicious(FakePredictor):
    """Of a bundle in which every name and sentence is a script text."""

    def __init__(self) -> None:
        super().__init__(labels=ATTACKS)
        first = ATTACKS[0]
        even = [1 / len(ATTACKS)] * len(ATTACKS)
        self.metadata = Metadata.model_validate(
            self.metadata.model_dump()
            | {
                "name": first,
                "known_answers": [KnownAnswer(text=text, probabilities=even) for text in ATTACKS],
                "recipe": {"name": first, "description": first, "data": {"labels": ATTACKS, "text": first}},
                "data": [DataFile(file=text, rows=1, sha256=text) for text in ATTACKS],
                "split": {text: dict.fromkeys(ATTACKS, 1) for text in ATTACKS},
                "teachers": {first: first},
                "vectors": DataFile(file=first, rows=1, sha256=first),
                "metrics": {first: {first: first}, "test": {first: first, "macro_f1": 0.5}},
            }
        )


@pytest.fixture
def malicious(browser: Browser) -> Iterator[Visit]:
    """A visit of a service with such a bundle."""
    with serving(create_app(Settings(), Malicious())) as url, visiting(browser, url) as visit:
        yield visit


def test_a_bundles_names(malicious: Visit) -> None:
    malicious.open()
    assert malicious.page.get_by_role("region", name="Try one").get_by_role("button").all_inner_texts() == ATTACKS[:5]
    assert_harmless(malicious)
    malicious.answered(malicious.page.get_by_role("region", name="Try one").get_by_role("button").first.click)
    for text, label in [("bad", ATTACKS[0]), ("good", ATTACKS[-1]), ("", ATTACKS[len(ATTACKS) // 2])]:
        malicious.type(f"{text} day")
        malicious.submit()
        assert malicious.verdict == label
        states.unfold(malicious.page)
        assert_harmless(malicious)
    assert malicious.open("/model").status == 200
    states.unfold(malicious.page)
    assert_harmless(malicious)


def test_a_bundles_names_in_a_scored_file(malicious: Visit, tmp_path: Path) -> None:
    page = choose(malicious, tmp_path / "in.csv", b"text\ngood\nbad\nelse\n")
    send(page)
    counts = result(page).locator(".files-counts").text_content() or ""
    for label in (ATTACKS[0], ATTACKS[-1], ATTACKS[len(ATTACKS) // 2]):
        assert label in counts
    assert_harmless(malicious)


def test_json_is_never_a_page(scripted_visit: Visit, server: Service) -> None:
    """What the API answers holds the text as it was sent, so no browser may take it for HTML."""
    script = ATTACKS[0]
    answer = scripted_visit.page.request.post(
        f"{server.url}/predict", data=json.dumps({"text": script}), headers={"Content-Type": "application/json"}
    )
    assert answer.json()["text"] == script
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
