"""A real browser in front of a real server."""

import os
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from serving.batching.batcher import EXPLANATION_WEIGHT
from serving.settings import Settings
from serving.web.app import create_app
from tests.browser.browsers import Browsers
from tests.browser.staging import serving
from tests.browser.visits import Visit, visiting
from tests.deploy.services import HOST, ROOT, Service, environment, free_port, http_client, running
from tests.serving.fakes import FakePredictor

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Chromium's sandbox does not start for root, which is who runs tests in most containers.
NO_SANDBOX = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
SILENT = [
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser that crashed says nothing of the page: such a test runs once more, any other failure counts."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=["TargetClosedError"]))


@pytest.fixture(scope="session")
def server(pristine_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with a small bundle."""
    port = free_port()
    module = [sys.executable, "-m", "uvicorn", "serving.web.app:create_app", "--factory", "--host", HOST]
    env = environment(MODEL_DIR=str(pristine_bundle))
    log = tmp_path_factory.mktemp("server") / "log"
    with running([*module, "--port", str(port)], port=port, log=log, cwd=ROOT, env=env) as service:
        yield service


@pytest.fixture
def predictor() -> FakePredictor:
    """What `staged` asks."""
    return FakePredictor()


@pytest.fixture
def staged(predictor: FakePredictor) -> Iterator[str]:
    """The URL of a service whose predictor a test can hold back and break; of at most two explanations at once."""
    settings = Settings(queue_limit=2 * EXPLANATION_WEIGHT, max_texts=2 * EXPLANATION_WEIGHT)
    with serving(create_app(settings, predictor)) as url:
        yield url


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium: CHROMIUM's, else the first on the PATH."""
    named = [os.environ["CHROMIUM"]] if "CHROMIUM" in os.environ else NAMES
    for name in named:
        if path := shutil.which(name):
            return path
    pytest.skip(f"no browser: none of {', '.join(named)} is on the PATH; the variable CHROMIUM may name one")


# Not of the session: Playwright keeps an event loop running in this thread, which other packages' tests cannot have.
@pytest.fixture(scope="module")
def browsers(chromium: str) -> Iterator[Browsers]:
    with sync_playwright() as playwright:
        kind = playwright.chromium
        browsers = Browsers(partial(kind.launch, executable_path=chromium, args=[*SILENT, *NO_SANDBOX]))
        yield browsers
        browsers.close()


@pytest.fixture
def browser(browsers: Browsers) -> Browser:
    """The module's browser, or the one after it if it has crashed."""
    return browsers.living()


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def visit(browser: Browser, server: Service, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A visitor of the service, with and without JavaScript."""
    with visiting(browser, server.url, java_script_enabled=request.param) as visit:
        yield visit


@pytest.fixture
def scripted_visit(browser: Browser, server: Service) -> Iterator[Visit]:
    """A visitor with JavaScript, which a test needs to look into the page."""
    with visiting(browser, server.url) as visit:
        yield visit


@pytest.fixture(scope="module")
def curl(server: Service) -> Iterator[httpx.Client]:
    """A client that accepts anything, as curl does."""
    with http_client(server) as client:
        yield client
