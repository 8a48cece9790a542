import pytest
from playwright.sync_api import Browser

from tests.browser.browsers import Browsers

pytestmark = pytest.mark.browser


def test_a_browser_is_kept_while_it_lives(browsers: Browsers, browser: Browser) -> None:
    assert browsers.living() is browser


def test_after_a_crash_there_is_another(browsers: Browsers, browser: Browser) -> None:
    with pytest.raises(Exception, match="closed"):
        browser.new_browser_cdp_session().send("Browser.crash")
    after = browsers.living()
    assert after is not browser
    assert after.new_page().evaluate("1 + 1") == 2
