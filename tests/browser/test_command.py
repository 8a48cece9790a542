"""The request as a command, to be copied."""

import shutil
import subprocess

import pytest
from playwright.sync_api import Browser, expect

from serving.settings import Settings
from serving.web.app import create_app
from tests.browser.staging import serving
from tests.browser.visits import visiting
from tests.deploy.services import Service
from tests.serving.fakes import FakePredictor

pytestmark = pytest.mark.browser
KEY = "first-key-of-sixteen"


def test_the_command_is_the_request(browser: Browser, server: Service) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl")
    text = """it's "good" & $HOME `x` \\ 50% <b> 😀"""
    with visiting(browser, server.url, permissions=["clipboard-read", "clipboard-write"]) as visit:
        visit.classify(text)
        visit.page.get_by_text("As a command").click()
        visit.page.get_by_role("button", name="Copy").click()
        expect(visit.page.get_by_role("button", name="Copied")).to_be_visible()
        command = visit.page.evaluate("navigator.clipboard.readText()")
        assert visit.page.locator("#command").inner_text() == command
        verdict = visit.verdict
    env = {"PATH": "/usr/bin:/bin", "no_proxy": "*"}
    answer = subprocess.run(["sh", "-c", command], capture_output=True, check=True, env=env).stdout.decode()
    assert f'"label":"{verdict}"' in answer
    assert '"explanation":[' in answer
    assert '"word":"😀"' in answer


def test_with_an_api_key(browser: Browser, predictor: FakePredictor) -> None:
    keyed = create_app(Settings.model_validate({"api_keys": KEY}), predictor)
    with serving(keyed) as url, visiting(browser, url, http_credentials={"username": "", "password": KEY}) as visit:
        visit.classify("good")
        assert visit.verdict == "positive"
        assert '-H "X-API-Key: $API_KEY"' in (visit.page.locator("#command").text_content() or "")
        assert KEY not in visit.page.content()
