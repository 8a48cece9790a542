import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.negotiation import prefers_html
from tests.serving.conftest import BROWSER


@pytest.mark.parametrize(
    "accept",
    [
        BROWSER,
        "text/html",
        "TEXT/HTML",
        "text/*",
        "text/html;level=1",
        "text/html, application/json;q=0.9",
        "application/json;q=0.5,text/html;q=0.51",
        "*/*;q=0.1, text/html;q=0.2",
        "application/json;q=0, */*",
    ],
)
def test_a_page(accept: str) -> None:
    assert prefers_html(accept)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/json",
        "application/*, text/*",
        "text/html, application/json",
        "text/html;q=0.5, application/json",
        "text/html;q=0, */*",
        "text/html; q=0.3, */*; q=0.8",
        "image/png",
        "text/html;q=2",
        "text/html;q=",
        "html",
        ",;,",
    ],
)
def test_json(accept: str) -> None:
    assert not prefers_html(accept)


@given(st.text())
def test_anything_is_survived(accept: str) -> None:
    prefers_html(accept)
