import pytest
from starlette.datastructures import Headers

from serving.content_type import FORM, JSON, MULTIPART, ContentType, content_type
from serving.errors import UnsupportedMediaType


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
