"""Script texts, reflected by every way in which a text or a name comes back, in a real browser."""

import base64
import json

import pytest

from tests.browser.visits import Visit
from tests.deploy.services import Service

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
    scripted_visit.page.get_by_label("Tweet", exact=True).fill(long)
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
