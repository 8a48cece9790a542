import csv
import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import RowsError
from serving.rows.records import MAX_RECORD, Record, Records


def reading(text: str) -> Callable[[int], str]:
    return io.StringIO(text, newline="").readline


def records(text: str, delimiter: str = ",") -> list[Record]:
    return list(Records(reading(text), delimiter))


def test_a_record_keeps_its_lines() -> None:
    found = records('a,b\r\n"x\n ""y""",  2 \r\nlast,"3"')
    assert found == [
        Record("a,b\r\n", ["a", "b"]),
        Record('"x\n ""y""",  2 \r\n', ['x\n "y"', "  2 "]),
        Record('last,"3"', ["last", "3"]),
    ]


@given(
    rows=st.lists(st.lists(st.text(alphabet='a,";\t\r\n é👍\0', max_size=6), min_size=2, max_size=4)),
    delimiter=st.sampled_from([",", ";", "\t"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_what_csv_writes_is_read_and_nothing_is_lost(rows: list[list[str]], delimiter: str, end: str) -> None:
    file = io.StringIO(newline="")
    # Where not everything is quoted, csv.writer leaves a lone CR bare.
    csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    found = records(file.getvalue(), delimiter)
    assert [record.cells for record in found] == rows
    assert "".join(record.text for record in found) == file.getvalue()


@given(st.text(alphabet='a,"\r\n'))
def test_of_any_text_every_character_is_in_a_record(text: str) -> None:
    assert "".join(record.text for record in records(text)) == text


def test_a_quote_that_is_never_closed_takes_one_line() -> None:
    assert records('a\n"oops,2\nthird,3\n') == [
        Record("a\n", ["a"]),
        Record('"oops,2\n', [], "not CSV: unexpected end of data"),
        Record("third,3\n", ["third", "3"]),
    ]


def test_a_quote_that_is_not_closed_for_long_takes_one_line() -> None:
    lines = ["filler\n"] * (MAX_RECORD // 7 + 9)
    found = records('"oops\n' + "".join(lines))
    assert found[0] == Record('"oops\n', [], "not CSV: a quote is not closed")
    assert [record.text for record in found[1:]] == lines


def test_text_after_a_quoted_cell() -> None:
    (bad, good) = records('"a "quoted" word",1\nb,2\n')
    assert bad.text == '"a "quoted" word",1\n'
    assert bad.fault.startswith("not CSV: ")
    assert good.cells == ["b", "2"]


def test_a_line_too_long_to_be_held_is_refused() -> None:
    with pytest.raises(RowsError, match="line 2 has more than 1,048,576 characters"):
        records("a\n" + "x" * (MAX_RECORD + 1))
    assert len(records("x" * (MAX_RECORD - 1) + "\n")) == 1
