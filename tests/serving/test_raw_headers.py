from serving.raw_headers import first, joined

HEADERS = [(b"accept", b"text/html"), (b"x", b"\xe9"), (b"accept", b"*/*"), (b"empty", b"")]


def test_the_first() -> None:
    assert first(HEADERS, b"accept") == "text/html"
    assert first(HEADERS, b"x") == "é"
    assert first(HEADERS, b"empty", "other") == ""
    assert (first(HEADERS, b"none"), first(HEADERS, b"none", "other")) == ("", "other")


def test_all_of_them() -> None:
    assert joined(HEADERS, b"accept") == "text/html,*/*"
    assert joined(HEADERS, b"none") == ""
