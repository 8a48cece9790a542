"""The service under a path of a proxy, which cuts the path off or keeps it, and tells of it or does not."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from playwright.sync_api import Browser

from tests.browser.proxy import Proxy, proxied
from tests.browser.upload import choose, result, send
from tests.browser.visits import visiting
from tests.bundles import TEXTS
from tests.deploy.services import ROOT, Service, environment, free_port, running

pytestmark = pytest.mark.browser


class Setup(NamedTuple):
    """How proxy and service are set."""

    keeps: bool
    tells: bool
    root_path: str

    @property
    def is_known(self) -> bool:
        """Whether the service knows of the path in front of it."""
        return self.tells or bool(self.root_path)


SETUPS = {
    "cut off and not told": Setup(keeps=False, tells=False, root_path=""),
    "cut off and told": Setup(keeps=False, tells=True, root_path=""),
    "cut off and set": Setup(keeps=False, tells=False, root_path="/sent"),
    "kept and told": Setup(keeps=True, tells=True, root_path=""),
    "kept and set": Setup(keeps=True, tells=False, root_path="/sent"),
}


# Each of what a proxy does and what the service knows: all that pages depend on. Programs are asked under every setup.
SEEN = [SETUPS[name] for name in ("cut off and not told", "cut off and told", "kept and set")]
in_a_browser = pytest.mark.parametrize("setup", SEEN, ids=str, indirect=True, scope="module")


@pytest.fixture(scope="module", params=SETUPS.values(), ids=list(SETUPS))
def setup(request: pytest.FixtureRequest) -> Setup:
    chosen: Setup = request.param
    return chosen


@pytest.fixture(scope="module")
def prefixed(setup: Setup, pristine_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service as its command starts it."""
    port = free_port()
    env = environment(MODEL_DIR=str(pristine_bundle), PORT=str(port), ROOT_PATH=setup.root_path)
    log = tmp_path_factory.mktemp("prefixed") / "log"
    command = [sys.executable, "-m", "serving.server"]
    with running(command, port=port, log=log, cwd=ROOT, env=env) as service:
        yield service


@pytest.fixture
def proxy(setup: Setup, prefixed: Service) -> Iterator[Proxy]:
    """A proxy in front of it; nothing may lead out of its path."""
    with proxied(prefixed.url, keeps=setup.keeps, tells=setup.tells) as proxy:
        yield proxy
        assert proxy.astray == []


@in_a_browser
@pytest.mark.parametrize("scripted", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_the_pages(browser: Browser, proxy: Proxy, setup: Setup, scripted: bool) -> None:
    with visiting(browser, proxy.url, java_script_enabled=scripted) as visit:
        visit.open("/sent/")
        assert visit.page.url == f"{proxy.url}/sent/predict"
        visit.type(TEXTS[0])
        visit.submit()
        assert visit.answer.count() == 1
        command = visit.page.locator("#command").text_content() or ""
        assert command.startswith(f"curl {proxy.url}{'/sent' if setup.is_known else ''}/predict ")
        visit.page.get_by_role("link", name="Model", exact=True).click()
        visit.page.get_by_role("heading", name="tiny").wait_for()
        assert visit.page.url == f"{proxy.url}/sent/model"
        assert visit.complaints == []
        for path in ("/sent/nowhere", "/sent/no/where/at/all"):
            visit.open(path)
            if scripted:
                assert visit.page.evaluate("getComputedStyle(document.querySelector('h1')).letterSpacing") != "normal"
        visit.page.get_by_role("link", name="Classify a text").click()
        assert visit.page.url == f"{proxy.url}/sent/predict"


@in_a_browser
def test_a_file(browser: Browser, proxy: Proxy, tmp_path: Path) -> None:
    with visiting(browser, proxy.url) as visit:
        visit.open("/sent/predict")
        visit.page.get_by_role("link", name="Try it with a sample file").click()
        assert result(visit.page).get_by_role("heading").inner_text() == "8 rows scored"
        assert visit.complaints == []
    with visiting(browser, proxy.url, java_script_enabled=False) as visit:
        page = choose(visit, tmp_path / "in.csv", b"a,b\n1,2\n", path="/sent/predict")
        send(page)
        page.get_by_role("alert").wait_for()
        page.get_by_role("link", name="Model", exact=True).click()
        assert page.url == f"{proxy.url}/sent/model"


@in_a_browser
def test_the_api_is_tried_out(browser: Browser, proxy: Proxy) -> None:
    with visiting(browser, proxy.url) as visit:
        visit.open("/sent/predict")
        visit.page.get_by_role("navigation", name="Pages").get_by_role("link", name="API").click()
        visit.page.get_by_text("Classify one text or several").click()
        visit.page.get_by_role("button", name="Try it out").click()
        visit.page.get_by_role("button", name="Execute").click()
        answer = visit.page.locator(".live-responses-table .response").first
        assert answer.locator(".response-col_status").inner_text().startswith("200")
        assert visit.complaints == []


def test_what_programs_get(proxy: Proxy, setup: Setup) -> None:
    with httpx.Client(base_url=proxy.url, trust_env=False) as client:
        assert client.post("/sent/predict", data={"text": "good"}).json()["label"]
        links = client.get("/sent/").json()["links"]
        if setup.is_known:
            assert all(client.get(link).status_code == 200 for link in links.values())
        assert (
            client.get("/sent/nowhere")
            .json()["detail"]
            .endswith("/sent/nowhere'." if setup.is_known else "'/nowhere'.")
        )
        assert client.post("/sent/predict", data={"text": ""}).status_code == 422
