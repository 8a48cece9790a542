import pytest

from serving.errors import MalformedBody
from serving.web.requests.parsing import decode, json_type, parse_json, shown


@pytest.mark.parametrize(("body", "document"), [(b'{"text": "\xc3\xa9"}', {"text": "é"}), (b"\xef\xbb\xbf[1]", [1])])
def test_json(body: bytes, document: object) -> None:
    assert parse_json(body) == document


@pytest.mark.parametrize(
    ("body", "code", "sentence"),
    [
        (b"", "not_json", "The body is not JSON: it breaks off or goes wrong at line 1, column 1."),
        (b'{"text":\n oops}', "not_json", "line 2, column 2"),
        (b"text=hello", "not_json", "line 1, column 1"),
        (b"NaN", "not_json", "NaN, Infinity or a number of absurd length"),
        (b"9" * 10_000, "not_json", "a number of absurd length"),
        (b'{"text": "\xff"}', "not_utf8", "The body is not UTF-8: byte 0xff at offset 10 cannot be decoded."),
        ('{"text": "a"}'.encode("utf-16"), "not_utf8", "byte 0xff at offset 0"),
        (b"[" * 200_000, "json_too_deep", "The JSON is nested too deeply."),
        (b'{"text":' * 200_000, "json_too_deep", "The JSON is nested too deeply."),
    ],
)
def test_not_json(body: bytes, code: str, sentence: str) -> None:
    with pytest.raises(MalformedBody) as caught:
        parse_json(body)
    assert caught.value.error_code == code
    assert sentence in caught.value.detail


def test_decode_names_what_it_read() -> None:
    with pytest.raises(MalformedBody, match="The form field is not UTF-8"):
        decode(b"\xff", "form field")


def test_shown_can_always_be_encoded() -> None:
    assert shown("\ud800\n").encode() == rb"'\ud800\n'"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "a number"),
        (1.5, "a number"),
        ("", "a string"),
        ([], "an array"),
        ({}, "an object"),
    ],
)
def test_json_types(value: object, words: str) -> None:
    assert json_type(value) == words
