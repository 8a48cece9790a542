import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.tables.records import Record, read_plain_lines, read_records, too_long
from serving.tables.text import MAX_ROW_CHARS


def lines_of(text: str) -> list[str]:
    return io.StringIO(text, newline="").readlines()


def records(text: str, delimiter: str = ",", *, skips_blanks: bool = False, has_quotes: bool = True) -> list[Record]:
    lines = iter(lines_of(text))
    return list(read_records(lines, delimiter, skips_blanks=skips_blanks, has_quotes=has_quotes))


def test_a_record_keeps_its_lines() -> None:
    parsed = records('a,b\r\n"x\n ""y""",  2 \r\nlast,"3"')
    assert parsed == [
        Record("a,b\r\n", ["a", "b"]),
        Record('"x\n ""y""",  2 \r\n', ['x\n "y"', "  2 "]),
        Record('last,"3"', ["last", "3"]),
    ]


@given(
    rows=st.lists(st.lists(st.text(alphabet='a,";|\t\r\n é👍\0', max_size=6), min_size=2, max_size=4)),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_what_csv_writes_is_read_and_nothing_is_lost(rows: list[list[str]], delimiter: str, end: str) -> None:
    file = io.StringIO(newline="")
    # Where not everything is quoted, csv.writer leaves a lone CR bare.
    csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    parsed = records(file.getvalue(), delimiter)
    assert [record.cells for record in parsed] == rows
    assert "".join(record.text for record in parsed) == file.getvalue()


@given(text=st.text(alphabet='a,"\r\n '), skips_blanks=st.booleans(), has_quotes=st.booleans())
def test_of_any_text_every_character_is_in_a_record(text: str, skips_blanks: bool, has_quotes: bool) -> None:
    parsed = records(text, skips_blanks=skips_blanks, has_quotes=has_quotes)
    assert "".join(record.text for record in parsed) == text
    assert "".join(record.text for record in read_plain_lines(iter(lines_of(text)))) == text


def test_a_quote_that_is_never_closed_takes_one_line() -> None:
    assert records('a\n"oops,2\nthird,3\n') == [
        Record("a\n", ["a"]),
        Record('"oops,2\n', [], "not CSV: a quote is not closed"),
        Record("third,3\n", ["third", "3"]),
    ]


def test_a_quote_that_is_not_closed_for_long_takes_one_line() -> None:
    lines = ["filler\n"] * (MAX_ROW_CHARS // 7 + 9)
    parsed = records('"oops\n' + "".join(lines))
    assert parsed[0] == Record('"oops\n', [], "not CSV: a quote is not closed")
    assert [record.text for record in parsed[1:]] == lines


def test_text_after_a_quoted_cell() -> None:
    (bad, good) = records('"a "quoted" word",1\nb,2\n')
    assert bad.text == '"a "quoted" word",1\n'
    assert bad.fault.startswith("not CSV: ")
    assert good.cells == ["b", "2"]


def test_blanks_before_a_quote_can_be_skipped() -> None:
    text = 'id, "text"\n1, "so, good"\n'
    assert [record.cells for record in records(text, skips_blanks=True)] == [["id", "text"], ["1", "so, good"]]
    assert [record.text for record in records(text, skips_blanks=True)] == lines_of(text)


def test_quotes_can_be_signs_like_others() -> None:
    assert [record.cells for record in records('a,"b\n"c",d\n', has_quotes=False)] == [["a", '"b'], ['"c"', "d"]]


def test_each_line_can_be_one_text() -> None:
    lines = lines_of('so good, really\r\n"as ""one"", quoted"\nsay "hi", she said\n"a","b"\n"open\n\n')
    assert list(read_plain_lines(iter(lines))) == [
        Record("so good, really\r\n", ["so good, really"]),
        Record('"as ""one"", quoted"\n', ['as "one", quoted']),
        Record('say "hi", she said\n', ['say "hi", she said']),
        Record('"a","b"\n', ['"a","b"']),
        Record('"open\n', ['"open']),
        Record("\n", [""]),
    ]


@pytest.mark.parametrize("reader", ["records", "lines"])
def test_a_line_that_is_too_long_is_one_record_with_a_fault(reader: str) -> None:
    long = "x" * (MAX_ROW_CHARS + 1)
    lines = iter([long, "good\n"])
    bad, good = read_records(lines, ",") if reader == "records" else read_plain_lines(lines)
    assert bad == Record(long, [], "the line has more than 1,048,576 characters, of which only the first are kept")
    assert good.cells == ["good"]
    assert too_long("x" * MAX_ROW_CHARS) == ""
