"""The last texts, which the browser keeps and nobody else."""

import pytest

from tests.browser.visits import Visit
from tests.bundles import TEXTS

pytestmark = pytest.mark.browser


def test_the_last_ten_are_kept_in_the_browser(scripted_visit: Visit) -> None:
    page, recent = scripted_visit.page, scripted_visit.page.get_by_role("region", name="Your recent texts")
    scripted_visit.open()
    assert recent.count() == 0
    texts = [f"text {number}" for number in range(12)]
    for text in [*texts, texts[5]]:
        scripted_visit.box.fill(text)
        scripted_visit.submit()
    page.goto("about:blank")
    scripted_visit.open()
    kept = [item.inner_text().split("\n")[0] for item in recent.get_by_role("listitem").all()]
    assert kept == [texts[5], *reversed([text for text in texts[2:] if text != texts[5]])]
    scripted_visit.answered(recent.get_by_role("button", name="text 3 ").click)
    assert scripted_visit.box.input_value() == "text 3"
    recent.get_by_role("button", name="Clear").click()
    assert recent.count() == 0
    assert page.evaluate("localStorage.length") == 0
    scripted_visit.open()
    assert recent.count() == 0


@pytest.mark.parametrize("stored", ["{", "null", "7", '{"a": 1}', '[null, {"text": 1}, "a"]'])
def test_a_store_that_holds_something_else(scripted_visit: Visit, stored: str) -> None:
    scripted_visit.open()
    scripted_visit.page.evaluate("value => localStorage.setItem('tweet-sentiment.recent', value)", stored)
    scripted_visit.open()
    scripted_visit.type(TEXTS[0])
    scripted_visit.submit()
    assert scripted_visit.page.get_by_role("region", name="Your recent texts").get_by_role("listitem").count() == 1
    assert scripted_visit.complaints == []
