import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from serving.model.bundle import METADATA, REPORT
from serving.settings import Settings
from serving.web.app import create_app
from serving.web.pages.model_page import PLOTS, REPORT_PAGE
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
    for name, heading in {"Model": "tiny", "Classify": "How does it sound?"}.items():
        link = visit.page.get_by_role("navigation", name="Pages").get_by_role("link", name=name)
        link.click()
        visit.page.get_by_role("heading", name=heading, level=1).wait_for()
        assert link.get_attribute("aria-current") == "page"
    assert visit.complaints == []


def test_the_model(visit: Visit) -> None:
    visit.open("/model")
    assert [item.inner_text() for item in visit.page.get_by_label("Labels").get_by_role("listitem").all()] == LABELS
    assert visit.complaints == []


SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="320" height="200" viewBox="0 0 320 200">
<style>path { fill: green }</style><path d="M 0 0 h 320 v 200 h -320 z"/><script>window.ran = 1</script></svg>"""
PLOTS_OF_THREE = [
    {"name": name, "file": f"plots/{name}.svg", "caption": f"What {name} shows.", "wide": name == "confusion"}
    for name in ("recall", "confusion", "calibration")
]


@pytest.fixture
def reported(browser: Browser, tmp_path: Path) -> Iterator[Visit]:
    """A visit of a service whose bundle has a report with three plots."""
    predictor = FakePredictor()
    (tmp_path / REPORT / "plots").mkdir(parents=True)
    page = (DEFAULT / REPORT / REPORT_PAGE).read_text(encoding="utf-8")
    version = json.loads((DEFAULT / METADATA).read_text("utf-8"))["model_version"]
    page = page.replace(f"<code>{version}</code>", f"<code>{predictor.metadata.model_version}</code>")
    (tmp_path / REPORT / REPORT_PAGE).write_text(page, encoding="utf-8")
    (tmp_path / REPORT / PLOTS).write_text(json.dumps(PLOTS_OF_THREE), encoding="utf-8")
    for plot in PLOTS_OF_THREE:
        (tmp_path / REPORT / str(plot["file"])).write_text(SVG, encoding="utf-8")
    with serving(create_app(Settings(model_dir=tmp_path), predictor)) as url, visiting(browser, url) as visit:
        yield visit


def test_the_report(reported: Visit) -> None:
    reported.open("/model")
    images = reported.page.locator("figure img")
    assert images.count() == len(PLOTS_OF_THREE)
    for image in images.all():
        image.scroll_into_view_if_needed()
        image.evaluate("image => image.decode()")
        assert image.evaluate("image => image.naturalWidth") == 320
    assert reported.complaints == []
    assert violations_in_every_look(reported) == []
    reported.page.emulate_media(color_scheme="light")
    reported.page.get_by_role("link", name="The full report").click()
    reported.page.get_by_role("heading", level=1).wait_for()
    background = reported.page.evaluate("getComputedStyle(document.querySelector('figure')).backgroundColor")
    assert background == "rgb(255, 255, 255)", "its styles are let through"
    assert reported.complaints == []


def test_a_plot_by_itself_runs_nothing(reported: Visit) -> None:
    response = reported.open("/model/plots/recall")
    assert response.status == 200
    fill = reported.page.evaluate("getComputedStyle(document.querySelector('path')).fill")
    assert fill == "rgb(0, 128, 0)", "its styles are let through"
    assert reported.page.evaluate("window.ran") is None


@pytest.mark.skipif(not (DEFAULT / REPORT / REPORT_PAGE).exists(), reason="the bundle in artifacts/ has no report")
def test_axe_of_the_report(browser: Browser, server: Service) -> None:
    """From its file: served, it is in a sandbox that lets no script run, axe-core's as little as another's."""
    with visiting(browser, server.url) as visit:
        visit.page.goto((DEFAULT / REPORT / REPORT_PAGE).as_uri())
        assert violations_in_every_look(visit) == []


@pytest.fixture
def documented(browser: Browser, staged: str) -> Iterator[Visit]:
    """A visit of the API's documentation, from a page of the service."""
    with visiting(browser, staged) as visit:
        visit.open()
        visit.page.get_by_role("navigation", name="Pages").get_by_role("link", name="API").click()
        yield visit


def test_an_api_call_is_tried_out(documented: Visit) -> None:
    page = documented.page
    page.get_by_text("Classify one text or several").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    answer = page.locator(".live-responses-table .response").first
    assert answer.locator(".response-col_status").inner_text().startswith("200")
    assert '"text": "What a wonderful morning!"' in answer.inner_text()
    assert documented.complaints == []


def test_a_file_is_tried_out(documented: Visit) -> None:
    page = documented.page
    page.get_by_text("Classify every row of a CSV").click()
    page.get_by_role("button", name="Try it out").click()
    file = {"name": "in.csv", "mimeType": "text/csv", "buffer": b"text\ngood\n"}
    page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Execute").click()
    answer = page.locator(".live-responses-table .response").first
    assert answer.locator(".response-col_status").inner_text().startswith("200")
    with page.expect_download() as download:
        answer.get_by_text("Download file").click()
    assert download.value.path().read_text(encoding="utf-8").splitlines()[1].startswith("good,positive,")
    assert documented.complaints == []


def test_the_documentation_without_javascript(browser: Browser, server: Service) -> None:
    with visiting(browser, server.url, java_script_enabled=False) as visit:
        visit.open("/docs")
        visit.page.get_by_role("link", name="openapi.json").click()
        assert visit.page.url.endswith("/openapi.json")
