import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from serving.errors import UnsupportedMediaType
from serving.web.requests.headers import (
    FORM,
    JSON,
    MULTIPART,
    ContentType,
    content_type,
    first,
    joined,
    prefers_html,
    prefers_json,
)
from tests.serving.conftest import BROWSER

HEADERS = [(b"accept", b"text/html"), (b"x", b"\xe9"), (b"accept", b"*/*"), (b"empty", b"")]


def test_the_first() -> None:
    assert first(HEADERS, b"accept") == "text/html"
    assert first(HEADERS, b"x") == "é"
    assert first(HEADERS, b"empty", "other") == ""
    assert (first(HEADERS, b"none"), first(HEADERS, b"none", "other")) == ("", "other")


def test_all_of_them() -> None:
    assert joined(HEADERS, b"accept") == "text/html,*/*"
    assert joined(HEADERS, b"none") == ""


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


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/json", True),
        ("application/*", True),
        ("application/json, */*;q=0.5", True),
        ("*/*", False),
        ("", False),
        ("application/json, text/plain, */*", False),
        (BROWSER, False),
        ("image/png", False),
    ],
)
def test_json_rather_than_a_page(accept: str, expected: bool) -> None:
    assert prefers_json(accept) is expected


@given(st.text())
def test_anything_is_survived(accept: str) -> None:
    assert not (prefers_html(accept) and prefers_json(accept))


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ("application/json", ContentType(JSON)),
        ("Application/JSON; charset=UTF-8", ContentType(JSON)),
        ('application/x-www-form-urlencoded;charset="utf8"', ContentType(FORM)),
        ('multipart/form-data; boundary="a b"; charset=utf-8', ContentType(MULTIPART, "a b")),
    ],
)
def test_content_types_that_are_taken(sent: str, found: ContentType) -> None:
    assert content_type(Headers({"content-type": sent}).raw) == found


@pytest.mark.parametrize(
    ("headers", "code", "sentence"),
    [
        (
            {},
            "unsupported_media_type",
            "The request has no Content-Type; accepted are application/x-www-form-urlencoded",
        ),
        ({"content-type": ""}, "unsupported_media_type", "The request has no Content-Type"),
        ({"content-type": "text/plain"}, "unsupported_media_type", "The Content-Type is 'text/plain'; accepted are"),
        (
            {"content-type": "application/json-patch+json"},
            "unsupported_media_type",
            "multipart/form-data, application/json.",
        ),
        ({"content-type": "x" * 500}, "unsupported_media_type", f"'{'x' * 60}…'"),
        (
            {"content-type": "application/json; charset=latin1"},
            "unsupported_charset",
            "The charset is 'latin1'; accepted",
        ),
        (
            {"content-type": "application/json", "content-encoding": "gzip"},
            "unsupported_content_encoding",
            "The Content-Encoding is 'gzip'; accepted is none.",
        ),
    ],
)
def test_content_types_that_are_refused(headers: dict[str, str], code: str, sentence: str) -> None:
    with pytest.raises(UnsupportedMediaType) as caught:
        content_type(Headers(headers).raw)
    assert caught.value.error_code == code
    assert sentence in caught.value.detail


def test_a_route_may_take_fewer_content_types() -> None:
    with pytest.raises(UnsupportedMediaType) as caught:
        content_type(Headers({"content-type": JSON}).raw, accepted=(MULTIPART,))
    assert caught.value.detail == "The Content-Type is 'application/json'; accepted is multipart/form-data."
