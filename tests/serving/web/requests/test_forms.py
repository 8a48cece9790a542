from contextlib import suppress
from urllib.parse import parse_qsl, quote_plus, urlencode

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import MalformedBody
from serving.web.requests.forms import MAX_FIELDS, Fields, parse_multipart, parse_urlencoded

# A form's text is whole characters: Cs are lone surrogates.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def multipart(*parts: bytes, boundary: bytes = b"b") -> bytes:
    return b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"


def field(value: bytes, name: bytes = b"text", more: bytes = b"") -> bytes:
    return b'Content-Disposition: form-data; name="' + name + b'"' + more + b"\r\n\r\n" + value


def read_multipart(body: bytes, boundary: str = "b") -> Fields:
    return anyio.run(parse_multipart, body, boundary)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"text=a+b%26c", [("text", "a b&c")]),
        (b"text=%C3%A9", [("text", "é")]),
        ("text=é".encode(), [("text", "é")]),
        (b"text=100%25%20and%zz", [("text", "100% and%zz")]),
        (b"text=a%0D%0Ab%0Dc%0Ad", [("text", "a\nb\rc\nd")]),
        (b"text=&x=&text=2", [("text", ""), ("x", ""), ("text", "2")]),
        (b"text=&&x=1&", [("text", ""), ("x", "1")]),
        (b"x&text=2", [("x", ""), ("text", "2")]),
        (b' {"text": "a=b & c"}', [(' {"text": "a', "b "), (' c"}', "")]),
        (b"text=a;b", [("text", "a;b")]),
        (b"", []),
    ],
)
def test_urlencoded(body: bytes, fields: Fields) -> None:
    assert parse_urlencoded(body) == fields


@pytest.mark.parametrize(
    ("body", "code", "sentence"),
    [
        (b"text=%FF", "not_utf8", "The form's percent-encoded bytes are not UTF-8."),
        (b"%FF=text", "not_utf8", "percent-encoded"),
        (b"text=\xff", "not_utf8", "byte 0xff at offset 5"),
        (b"text=R&B", "field_without_equals", "The form's field 'B' has no `=`. If it belongs to a text: a & inside"),
        (b"text=this &amp; that&explain=1", "field_without_equals", "field 'amp; that' has no `=`"),
        (b"text=a&%42", "field_without_equals", "curl --data-urlencode"),
        (b"a&" * (MAX_FIELDS + 1), "malformed_form", "The form has more than 100 fields."),
    ],
)
def test_bad_urlencoded(body: bytes, code: str, sentence: str) -> None:
    with pytest.raises(MalformedBody) as caught:
        parse_urlencoded(body)
    assert caught.value.error_code == code
    assert sentence in caught.value.detail


@given(TEXT)
def test_urlencoded_round_trip(text: str) -> None:
    normal = text.replace("\r\n", "\n")
    assert parse_urlencoded(urlencode({"text": text}).encode()) == [("text", normal)]
    assert parse_urlencoded(f"text={quote_plus(text, safe='')}".encode()) == [("text", normal)]


PART = st.lists(st.sampled_from(["=", "+", "%", "%C3", "%A9", "%41", "é", "a", "%ff", " ", "%26"]) | TEXT).map("".join)
PAIR = st.tuples(PART, PART).map("=".join).map(lambda pair: pair.replace("&", ""))


@given(st.lists(PAIR | st.just("")).map("&".join))
def test_urlencoded_is_read_as_the_standard_library_reads_it(text: str) -> None:
    try:
        expected = parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        with pytest.raises(MalformedBody):
            parse_urlencoded(text.encode())
    else:
        assert parse_urlencoded(text.encode()) == [(name, value.replace("\r\n", "\n")) for name, value in expected]


@given(TEXT.filter(lambda text: "\r\n--b" not in f"\r\n{text}"))
def test_multipart_round_trip(text: str) -> None:
    assert read_multipart(multipart(field(text.encode()))) == [("text", text.replace("\r\n", "\n"))]


def test_a_long_field_is_whole() -> None:
    text = "word " * 20_000 + "good"
    assert read_multipart(multipart(field(text.encode()))) == [("text", text)]


def test_files_have_no_text() -> None:
    body = multipart(field(b"x", more=b'; filename="a.txt"'), field("é".encode(), "naïve".encode()))
    assert read_multipart(body) == [("text", None), ("naïve", "é")]


@pytest.mark.parametrize(
    ("body", "boundary", "code", "sentence"),
    [
        (multipart(field(b"a")), "", "malformed_form", "no well-formed boundary"),
        (multipart(field(b"a")), 'a"b', "malformed_form", "no well-formed boundary"),
        (multipart(field(b"a")), "b" * 71, "malformed_form", "no well-formed boundary"),
        (b"", "b", "malformed_form", "ends before its closing boundary"),
        (b"hello", "b", "malformed_form", "not well-formed"),
        (multipart(field(b"a"))[:-8], "b", "malformed_form", "ends before its closing boundary"),
        (multipart(field(b"a")), "other", "malformed_form", "not well-formed"),
        (multipart(b"Content-Disposition: form-data\r\n\r\na"), "b", "malformed_form", "not well-formed"),
        (multipart(*[field(b"a")] * 101), "b", "malformed_form", "of at most 100 fields"),
        (multipart(*[field(b"a", more=b'; filename="f"')] * 101), "b", "malformed_form", "of at most 100 fields"),
        (multipart(field(b"\xff")), "b", "not_utf8", "The form field is not UTF-8: byte 0xff at offset 0"),
        (multipart(field(b"a", name=b"\xff")), "b", "not_utf8", "The form field is not UTF-8"),
    ],
)
def test_bad_multipart(body: bytes, boundary: str, code: str, sentence: str) -> None:
    with pytest.raises(MalformedBody) as caught:
        read_multipart(body, boundary)
    assert caught.value.error_code == code
    assert sentence in caught.value.detail


@given(
    st.binary()
    | st.lists(st.sampled_from([b"--b", b"\r\n", b"--", field(b"x"), b":", b";", b'"', b"\xff"])).map(b"".join)
)
def test_any_bytes_are_fields_or_a_malformed_body(body: bytes) -> None:
    for read in (parse_urlencoded, read_multipart):
        with suppress(MalformedBody):
            read(body)
