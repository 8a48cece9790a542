import codecs
import io

import pytest

from serving.errors import RowsError
from serving.tables.text import (
    MAX_ROW_CHARS,
    SAMPLE_BYTES,
    OutputEncoding,
    TextFile,
    check_encoding,
    decodable,
    split_end,
)
from tests.serving.tables.readers import text_file


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", ""),
        ("UTF-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("latin-1", "iso8859-1"),
        ("windows-1252", "cp1252"),
        ("UTF-16LE", "utf-16-le"),
        ("Shift_JIS", "shift_jis"),
        ("koi8-r", "koi8-r"),
        ("macintosh", "mac-roman"),
    ],
)
def test_character_sets_are_known_by_their_names(name: str, expected: str) -> None:
    assert check_encoding(name) == expected


@pytest.mark.parametrize("name", ["utf-9", "zip", "base64", "rot13", "punycode", "unicode_escape", "idna", "a\0b"])
def test_other_encodings_are_refused(name: str) -> None:
    with pytest.raises(RowsError, match=r"unknown encoding .*; accepted: utf-8, latin-1") as refused:
        check_encoding(name)
    assert refused.value.code == "unknown_encoding"


def test_lines_keep_their_ends() -> None:
    assert list(text_file(b"a\r\n\rb\nc").lines()) == ["a\r\n", "\r", "b\n", "c"]


MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


@pytest.mark.parametrize("encoding", MARKS)
@pytest.mark.parametrize("declared", ["", "cp1252", "utf-16"])
def test_a_mark_says_the_encoding_whatever_was_declared(encoding: str, declared: str) -> None:
    file = text_file(MARKS[encoding] + "café\n\ufeffb".encode(encoding), declared)
    assert list(file.lines()) == ["café\n", "\ufeffb"]
    assert (file.encoding, file.marked, file.notes) == (encoding, True, [])


@pytest.mark.parametrize("encoding", MARKS)
def test_a_script_whose_bytes_are_controls_is_no_binary_file(encoding: str) -> None:
    text = "id,text\n1,Это хороший день\n"
    assert "".join(text_file(MARKS[encoding] + text.encode(encoding)).lines()) == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["id,text\n1,so good today\n", "id,text\n1,Это хороший день\n2,你一起\n"])
def test_utf16_without_a_mark_is_read_as_that(encoding: str, text: str) -> None:
    file = text_file(text.encode(encoding))
    assert "".join(file.lines()) == text
    assert (file.encoding, file.marked) == (encoding, False)
    assert file.notes == [f"The file is read as {encoding.upper()}, as it looks; encoding= says otherwise."]


@pytest.mark.parametrize(
    ("declared", "encoding"), [("utf-16", "utf-16-le"), ("utf-16", "utf-16-be"), ("utf-32", "utf-32-le")]
)
def test_a_declared_encoding_needs_no_mark(declared: str, encoding: str) -> None:
    file = text_file("text\ncafé\n".encode(encoding), declared)
    assert list(file.lines()) == ["text\n", "café\n"]
    assert file.notes == []


@pytest.mark.parametrize("declared", ["", "utf-8", "cp1252"])
def test_a_first_line_with_nul_is_no_text(declared: str) -> None:
    with pytest.raises(RowsError, match="its first line has NUL bytes") as refused:
        text_file(b"te\0xt and more\n1\n", declared)
    assert refused.value.code == "file_kind"


def test_a_file_that_is_mostly_no_utf8_must_be_declared() -> None:
    content = "id,text\n1,plain\n2,café\n3,naïve\n".encode("cp1252")
    with pytest.raises(RowsError, match=r"not UTF-8, as line 3 shows, .*accepted: .*windows-1252") as refused:
        text_file(content)
    assert refused.value.code == "not_utf8"
    assert list(text_file(content, "cp1252").lines())[2] == "2,café\n"


def test_a_utf8_file_with_a_broken_line_is_read() -> None:
    content = "é\nü\n".encode() + b"caf\x81\n"
    assert list(text_file(content).lines()) == ["é\n", "ü\n", "caf\udc81\n"]


@pytest.mark.parametrize(("encoding", "decoded"), [("utf-8", "caf\udc81"), ("cp1252", "caf\ufffd")])
def test_what_is_not_in_the_declared_encoding_is_kept(encoding: str, decoded: str) -> None:
    assert list(text_file(b"caf\x81", encoding).lines()) == [decoded]


def test_the_sample_has_whole_lines() -> None:
    line = "good é\n"
    file = text_file(line.encode() * SAMPLE_BYTES)
    assert file.sample == line * (SAMPLE_BYTES // len(line.encode()))
    assert text_file(b"a\nb").sample == "a\nb"


def test_a_character_at_the_end_of_the_sample_is_not_cut() -> None:
    content = b"x" * (SAMPLE_BYTES - 1) + "é\n".encode()
    file = text_file(content)
    assert "".join(file.lines()).encode() == content
    assert file.encoding == "utf-8"


def test_of_a_line_too_long_to_be_a_row_the_beginning_is_kept() -> None:
    lines = list(text_file(b"a\n" + b"x" * (3 * MAX_ROW_CHARS) + b"\nb\n").lines())
    assert [len(line) for line in lines] == [2, MAX_ROW_CHARS + 1, 2]
    assert len(list(text_file(b"x" * (MAX_ROW_CHARS - 1) + b"\n").lines())) == 1


def test_how_much_has_been_read() -> None:
    content = b"good\n" * 200_000
    known = text_file(content, size=len(content))
    shares = [known.progress() or 0.0 for _ in known.lines()]
    assert shares == sorted(shares)
    assert 0 < shares[0] < 1 == shares[-1]
    assert text_file(content).progress() is None


def test_the_file_is_left_open() -> None:
    file = io.BytesIO(b"a\n")
    assert list(TextFile(file).lines()) == ["a\n"]
    assert not file.closed


def test_what_is_written_has_its_mark_and_loses_no_character() -> None:
    assert OutputEncoding().beginning == b""
    assert OutputEncoding(mark=True).beginning == codecs.BOM_UTF8
    assert OutputEncoding("utf-16-le", mark=True).beginning == codecs.BOM_UTF16_LE
    assert OutputEncoding().encode("caf\udce9") == b"caf\xe9"
    assert OutputEncoding("cp1252").encode("café 👍") == b"caf\xe9 \\U0001f44d"


def test_what_is_no_unicode_is_replaced() -> None:
    assert [decodable("caf\udce9 👍"), decodable(b"caf\xe9"), decodable("é".encode())] == [
        "caf\ufffd 👍",
        "caf\ufffd",
        "é",
    ]


def test_a_line_end_is_parted() -> None:
    assert split_end("a,b\r\n") == ("a,b", "\r\n")
    assert split_end("a") == ("a", "")
