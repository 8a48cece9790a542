import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from serving.model.bundle import METADATA, REPORT
from serving.model.metadata import Metadata
from serving.settings import Settings
from serving.web.app import create_app
from serving.web.pages.model_page import PAGE
from tests.browser.axe import violations_in_every_look
from tests.browser.staging import serving
from tests.browser.visits import Visit, visiting
from tests.bundles import LABELS
from tests.deploy.services import Service
from tests.serving.fakes import FakePredictor

pytestmark = pytest.mark.browser

DEFAULT = Path(__file__).parents[2] / "artifacts"


def test_the_pages_lead_to_each_other(visit: Visit) -> None:
    visit.open()
    for name, heading in {"Model": "tiny", "API": "API", "Classify": "How does it sound?"}.items():
        link = visit.page.get_by_role("navigation", name="Pages").get_by_role("link", name=name)
        link.click()
        visit.page.get_by_role("heading", name=heading, level=1).wait_for()
        assert link.get_attribute("aria-current") == "page"
    assert visit.complaints == []


def test_the_model(visit: Visit) -> None:
    visit.open("/model")
    assert [item.inner_text() for item in visit.page.get_by_label("Labels").get_by_role("listitem").all()] == LABELS
    assert visit.complaints == []


@pytest.mark.skipif(not (DEFAULT / REPORT / PAGE).exists(), reason="the bundle in artifacts/ has no report")
def test_the_report_of_the_default_model(browser: Browser) -> None:
    predictor = FakePredictor()
    predictor.metadata = Metadata.model_validate(json.loads((DEFAULT / METADATA).read_text("utf-8")))
    app = create_app(Settings(model_dir=DEFAULT), predictor)
    with serving(app) as url, visiting(browser, url) as visit:
        visit.open("/model")
        assert visit.page.locator("figure svg").count() >= 4
        assert visit.page.locator("figure svg path").first.evaluate("p => getComputedStyle(p).fill") is not None
        visit.page.get_by_role("link", name="The full report").click()
        visit.page.get_by_role("heading", name=predictor.metadata.name, level=1).wait_for()
        background = visit.page.evaluate("getComputedStyle(document.querySelector('figure')).backgroundColor")
        assert background == "rgb(255, 255, 255)", "its styles are let through"
        assert visit.complaints == []
        visit.open("/model")
        assert violations_in_every_look(visit) == []


@pytest.mark.skipif(not (DEFAULT / REPORT / PAGE).exists(), reason="the bundle in artifacts/ has no report")
def test_axe_of_the_report(browser: Browser, server: Service) -> None:
    """From its file: served, it is in a sandbox that lets no script run, axe-core's as little as another's."""
    with visiting(browser, server.url) as visit:
        visit.page.goto((DEFAULT / REPORT / PAGE).as_uri())
        assert violations_in_every_look(visit) == []


def test_the_documentation(visit: Visit) -> None:
    visit.open("/docs")
    section = visit.page.locator("#post-predict")
    assert "curl http://" in section.inner_text()
    assert "text_blank" in section.inner_text()
    visit.page.locator("a[href='#post-predict']").click()
    assert visit.page.url.endswith("#post-predict")
    assert visit.complaints == []
