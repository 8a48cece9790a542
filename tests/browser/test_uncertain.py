"""Answers that the model is not sure of, in words."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from serving.settings import Settings
from serving.web.app import create_app
from tests.browser.axe import violations_in_every_look
from tests.browser.staging import serving
from tests.browser.upload import choose, result, send
from tests.browser.visits import visiting
from tests.serving.fakes import FakePredictor

pytestmark = pytest.mark.browser

FILES = {
    "csv": b"text,uncertain\ngood,false\n",
    "jsonl": b'{"text": "good", "uncertain": false}\n',
    "semicolons": b"id;text\n1;good\n",
}


@pytest.mark.parametrize("scripted", [True, False], ids=["scripted", "plain"])
def test_the_label_is_said_to_be_unsure(browser: Browser, scripted: bool) -> None:
    app = create_app(Settings(min_probability=0.9), FakePredictor())
    with serving(app) as url, visiting(browser, url, java_script_enabled=scripted) as visit:
        visit.classify("good")
        assert visit.answer.locator(".verdict").inner_text().split() == ["positive", "not", "sure", "80.0%"]
        if scripted:
            assert visit.announced.inner_text() == "positive, not sure, 80.0%"
            assert violations_in_every_look(visit) == []
        assert visit.complaints == []


@pytest.mark.parametrize("least", [0.9, None])
@pytest.mark.parametrize("kind", FILES)
def test_so_is_a_row_of_a_file(browser: Browser, tmp_path: Path, kind: str, least: float | None) -> None:
    app = create_app(Settings(min_probability=least), FakePredictor())
    with serving(app) as url, visiting(browser, url) as visit:
        send(choose(visit, tmp_path / "in.csv", FILES[kind]))
        preview = result(visit.page).get_by_role("table", name="The first rows").get_by_role("row").nth(1)
        assert ("positive 80.0% not sure" in preview.inner_text()) is (least is not None)
        assert visit.complaints == []
