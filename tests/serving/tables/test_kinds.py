import pytest

from serving.errors import RowsError
from serving.tables.kinds import check_is_table, check_is_text, is_jsonl


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"PK\x03\x04\x14\x00\x06\x00", "an Excel workbook, or another file in a zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook of before 2007"),
        (b"PAR1\x15\x04", "a Parquet file"),
        (b"\x1f\x8b\x08\x00", "compressed by gzip"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF"),
        (b"{\\rtf1\\ansi", "a document in Rich Text Format"),
        (b"\x89PNG\r\n\x1a\n", "an image"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b"\x80\x04\x95\x10\x00", "a pickle"),
        (bytes(range(1, 32)) * 9, "no text"),
    ],
)
def test_a_binary_file_is_named_and_refused(head: bytes, kind: str) -> None:
    with pytest.raises(RowsError, match=f"it is {kind}.*; accepted: the table saved or exported as CSV") as refused:
        check_is_text(head, head.decode("latin-1"))
    assert refused.value.code == "file_kind"


@pytest.mark.parametrize("head", [b"", b"text\tn\r\n", b"PKs,text\n", "größe\n".encode("cp1252"), b"text\ngood\n\x1a"])
def test_a_text_is_none_of_them(head: bytes) -> None:
    check_is_text(head, head.decode("latin-1"))
    check_is_text(head, head.decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(
    ("sample", "kind"),
    [
        ("<!DOCTYPE html>\n<table><tr><td>text", "HTML or XML"),
        ("\n  <html><body>", "HTML or XML"),
        ("<?xml version='1.0'?>\n<rows>", "HTML or XML"),
        ('[{"text": "good"}, {"text": "bad"}]', "a JSON array"),
        ('[\n  {\n    "text": "good"\n  }\n]', "a JSON array"),
        ('["good", "bad"]', "a JSON array"),
        ("[1, 2]", "a JSON array"),
        ("[]", "a JSON array"),
        ('{\n  "data": [\n    {"text": "good"}\n  ]\n}', "JSON over several lines"),
        ("{}", "JSON over several lines"),
        ('window.YTD.tweet.part0 = [ {\n  "tweet" : {\n    "full_text" : "good"\n', "JavaScript"),
        ("| id | text |\n|----|:-----|\n| 1 | good |\n", "a Markdown table, .*"),
        ("id | text\n--- | ---\n1 | good\n", "a Markdown table, .*"),
        (" id | text \n----+------\n  1 | good\n", "a Markdown table, or another that is drawn"),
        ("+----+------+\n| id | text |\n+----+------+\n", "a Markdown table, or another that is drawn"),
        ("01/02/2023, 10:01 - Anna: good\n01/02/2023, 10:02 - Bert: bad, really\n", "a chat with times and names"),
        ("[1.2.23, 10:01:05 PM] Anna: good\n", "a chat with times and names"),
        ("Grailbird.data.tweets_2012_01 = \n [ {\n", "JavaScript"),
    ],
)
def test_a_text_that_is_no_table_is_named_and_refused(sample: str, kind: str) -> None:
    with pytest.raises(RowsError, match=f"it is {kind}, not CSV; accepted: ") as refused:
        check_is_table(sample)
    assert refused.value.code == "file_kind"


@pytest.mark.parametrize(
    "sample",
    [
        "",
        "id|text\n1|good\n",
        "<3 this so much\n",
        "<user> said hello\n",
        "[RT] @user good,1\n",
        "{great} day,1\n",
        "text\n<!DOCTYPE html> is how a page begins\n",
        "id|text\n---|what a day\n",
    ],
)
def test_a_table_that_looks_a_little_like_it_is_read(sample: str) -> None:
    check_is_table(sample)


@pytest.mark.parametrize(
    "sample",
    [
        '{"text": "good"}\n',
        '\n\n{"text": "good"}\r\n{"text": "bad"}\r\n',
        '{"text": NaN}\n',
        '{"delete": {"status": {"id": 1}}}\n{"text": "good"}\n',
        'no object\n{"text": "good"}\n',
        '{"text": "broken\n{"text": "good"}\n',
        '{"text": "' + "long and cut by the end of the sample " * 99,
    ],
)
def test_json_lines_are_told_by_their_lines(sample: str) -> None:
    assert is_jsonl(sample)


@pytest.mark.parametrize(
    "sample", ["", "\n", "text\ngood\n", '{\n"text": "good"\n}\n', '[{"text": "good"}]', "{great}\nday\n", "{" * 9999]
)
def test_other_texts_are_no_json_lines(sample: str) -> None:
    assert not is_jsonl(sample)
