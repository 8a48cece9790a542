import pytest

from serving.errors import RowsError
from serving.rows.dialect import check_delimiter, check_encoding, guess_delimiter


@pytest.mark.parametrize(
    ("name", "found"),
    [
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
def test_character_sets_are_known_by_their_names(name: str, found: str) -> None:
    assert check_encoding(name) == found


@pytest.mark.parametrize("name", ["", "utf-9", "zip", "base64", "rot13", "punycode", "unicode_escape", "idna", "a\0b"])
def test_other_encodings_are_refused(name: str) -> None:
    with pytest.raises(RowsError, match="unknown encoding"):
        check_encoding(name)


@pytest.mark.parametrize(
    ("name", "found"), [("comma", ","), ("Semicolon ", ";"), ("tab", "\t"), ("\t", "\t"), (";", ";")]
)
def test_delimiters_by_name_and_by_themselves(name: str, found: str) -> None:
    assert check_delimiter(name) == found


@pytest.mark.parametrize("name", ["|", "pipe", ",,", " "])
def test_other_delimiters_are_refused(name: str) -> None:
    with pytest.raises(RowsError, match="unknown delimiter"):
        check_delimiter(name)


@pytest.mark.parametrize(
    ("header", "found"),
    [("text,label\n", ","), ("id;text;label\n", ";"), ("a\tb", "\t"), ("text\n", ","), ('"a;b;c",d\n', ","), ("", ",")],
)
def test_a_header_shows_the_delimiter(header: str, found: str) -> None:
    assert guess_delimiter(header) == found
