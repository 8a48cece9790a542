import csv
import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import RowsError
from serving.tables.base import ReadOptions
from serving.tables.columns import judge_header
from serving.tables.dialect import Dialect, check_delimiter, check_header, sniff_dialect


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("comma", ","),
        ("Semicolon ", ";"),
        ("tab", "\t"),
        ("\t", "\t"),
        (";", ";"),
        ("pipe", "|"),
        ("|", "|"),
        ("", ""),
    ],
)
def test_delimiters_by_name_and_by_themselves(name: str, expected: str) -> None:
    assert check_delimiter(name) == expected


@pytest.mark.parametrize("name", [",,", " ", "colon", ":"])
def test_other_delimiters_are_refused(name: str) -> None:
    with pytest.raises(RowsError, match=r"unknown delimiter .*; accepted: comma, semicolon, tab, pipe") as refused:
        check_delimiter(name)
    assert refused.value.code == "unknown_delimiter"


def test_whether_there_is_a_header_can_be_said() -> None:
    assert [check_header(name) for name in ("", "auto", " True ", "FALSE")] == ["auto", "auto", "true", "false"]
    with pytest.raises(RowsError, match="unknown header 'no'; accepted: auto, true, false") as refused:
        check_header("no")
    assert refused.value.code == "unknown_header"


def sniff(sample: str, **options: Any) -> Dialect:
    return sniff_dialect(sample, ReadOptions(**options))


def without_notes(sample: str, **options: Any) -> Dialect:
    return replace(sniff(sample, **options), notes=())


ROWS = "1{0}I love it{0}pos\n2{0}so bad{0}neg\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_delimiter_is_found(delimiter: str, end: str) -> None:
    sample = ("id{0}text{0}label\n" + ROWS).format(delimiter).replace("\n", end)
    assert sniff(sample) == Dialect(delimiter, 3, has_header=True)
    assert without_notes(ROWS.format(delimiter).replace("\n", end)) == Dialect(delimiter, 3, has_header=False)


@pytest.mark.parametrize(
    ("sample", "delimiter"),
    [
        ("id;text\n1;so, so, good\n2;bad, I say\n", ";"),
        ("id\ttext\n1\tso, so; good\n2\ta, b; c\n", "\t"),
        ("id|text\n1|a, b\n2|c, d\n", "|"),
        ('id,text\n1,"so; so; good"\n2,"a|b;c|d"\n', ","),
        ('"a;b;c",text\n1,x;y;z\n', ","),
    ],
)
def test_what_is_punctuation_is_no_delimiter(sample: str, delimiter: str) -> None:
    assert sniff(sample) == Dialect(delimiter, 2, has_header=True)


def test_a_delimiter_that_is_said_is_taken() -> None:
    assert sniff("id;n,text\n1;2,good\n", delimiter=",") == Dialect(",", 2, has_header=True)
    assert sniff("text\nso, good\n", delimiter="\t") == Dialect("\t", 1, has_header=True, is_plain=True)


def test_in_a_file_of_one_column_a_comma_belongs_to_the_text() -> None:
    assert sniff("text\nI love this, really\nfine\n") == Dialect(",", 1, has_header=True, is_plain=True)
    assert sniff('text\n"I love this, really"\nfine\n') == Dialect(",", 1, has_header=True)


def test_a_blank_before_a_quote_is_no_part_of_a_cell() -> None:
    assert sniff('id, "text"\n1, "so, good"\n2, "bad"\n') == Dialect(",", 2, has_header=True, skips_blanks=True)
    assert not sniff("id,text\n1, so good\n").skips_blanks


NO_HEADER = "The file is read as one without a header: its columns are column_1, column_2, ..."
SURE = "id,text\n1,good\n", "1,I love it\n2,so bad\n"


def test_a_first_row_of_data_is_told() -> None:
    assert sniff(SURE[0]).notes == ()
    assert sniff(SURE[1]).notes == (f"{NO_HEADER} If its first row has their names, say header=true.",)
    (note,) = sniff("opinion\nI love it very much\nso bad it was\n").notes
    assert note.startswith("The first row is taken for the names of the columns.")


def test_what_is_said_of_the_header_holds() -> None:
    assert sniff(SURE[1], header="true") == Dialect(",", 2, has_header=True)
    assert sniff(SURE[0], header="false") == Dialect(",", 2, has_header=False, notes=(NO_HEADER,))
    assert sniff("good\nbad\n", header="true") == Dialect(",", 1, has_header=True)


@pytest.mark.parametrize("delimiter", ["~", "^", ":", "#", "&"])
def test_a_delimiter_that_is_not_accepted_is_named(delimiter: str) -> None:
    with pytest.raises(
        RowsError, match=r"its cells are parted by '.'; accepted: comma, semicolon, tab, pipe"
    ) as refused:
        sniff(f"id{delimiter}text\n1{delimiter}I love it, really\n2{delimiter}bad\n")
    assert refused.value.code == "unknown_delimiter"


def test_a_hashtag_at_the_end_of_each_line_is_no_delimiter() -> None:
    assert sniff("I love it #day\nso bad #day\nfine #day\nno #day\n").columns == 1
    assert sniff("I love it@pos\nso bad@neg\nfine@pos\nno@neg\n", delimiter=",").columns == 1


def test_a_first_row_that_lacks_numbers_is_one_of_the_others_where_it_was_said_or_others_lack_some() -> None:
    rows = "text,likes,shares\nI love it,,\nso bad,1,2\nfine,1,2\n"
    with pytest.raises(RowsError, match="header=true, if it is a row like the others") as refused:
        sniff(rows)
    assert refused.value.code == "header_unclear"
    assert sniff(rows, header="true").has_header
    assert sniff(f"{rows}what,,\nno,,\n").has_header


def test_what_r_parts_by_blanks_is_refused() -> None:
    with pytest.raises(RowsError, match="its cells are parted by ' '"):
        sniff('"id" "text"\n"1" 1 "I love it"\n"2" 2 "so bad"\n')


@pytest.mark.parametrize(
    "sample", ["Tweet text\ngood day\nbad day\n", "text\n8:15 is early\nso: bad\n", "note: text\nno\n"]
)
def test_punctuation_in_a_text_is_no_other_delimiter(sample: str) -> None:
    assert sniff(sample).columns == 1


HEADERS: dict[str, tuple[str, bool]] = {
    "known names": ("text,label\nI love it,pos\n", True),
    "known names of several words": ("Tweet Id,Tweet Text\n1,I love it\n", True),
    "known names alone": ("id,text\n", True),
    "names above numbers": ("colour,anything\nred,1\nblue,2\n", True),
    "names above classes": ("mood,words\npos,a b c\nneg,d e f\npos,g h i\nneg,j k l\n", True),
    "a known name of one column": ("tweet\nI love it\n", True),
    "a column without a name": (",text\n0,I love it\n1,bad\n", True),
    "pandas's columns without a name": (",Unnamed: 0,words\n0,0,I love it\n1,1,so bad today\n", True),
    "a form's question": ("Timestamp,How was the day for you\n2020-01-01 10:00,very good\n", True),
    "a number above numbers": ("1,I love this so much\n2,I hate this\n", False),
    "a date above dates": ("2020-01-01,I love this\n2020-01-02,I hate this\n", False),
    "a link above links": ("https://t.co/a,I love this\nhttps://t.co/b,I hate this\n", False),
    "Sentiment140": (
        '"0","1467810369","Mon Apr 06 22:19:45 PDT 2009","NO_QUERY","_Special_","@switch a bummer, text me"\n'
        '"4","1467810672","Mon Apr 06 22:19:49 PDT 2009","NO_QUERY","scott","is so happy today"\n',
        False,
    ),
    "Kaggle's twitter_training.csv": (
        '2401,Borderlands,Positive,"coming to the borders, all of you"\n2401,Borderlands,Positive,getting on it\n',
        False,
    ),
    "plain lines": ("I love this so much\nworst, really\nit is fine\n", False),
    "classes that come again": ("pos,I love it\nneg,so bad\npos,fine\n", False),
    "a text with a name in it": ("This text is so good!\nand this one is bad\n", False),
    "texts with handles": ("@user hello\n@user bye now\n", False),
}


@pytest.mark.parametrize(("sample", "has_header"), HEADERS.values(), ids=HEADERS)
def test_whether_the_first_row_is_a_header(sample: str, has_header: bool) -> None:
    assert sniff(sample).has_header == has_header


def test_how_certain_it_is() -> None:
    assert judge_header(["id", "text"], [["1", "I love it"]]) == (True, True)
    assert judge_header(["1", "good"], [["2", "bad"]]) == (False, True)
    assert judge_header(["opinion"], [["I love it very much"], ["so bad it was"]]) == (True, False)
    assert judge_header(["good day"], [["bad day"], ["so so"]]) == (False, False)


def test_the_first_line_can_say_the_delimiter() -> None:
    dialect = sniff("\nsep=|\nid|text\n1|a;b\n")
    assert replace(dialect, notes=()) == Dialect("|", 2, has_header=True, skipped=2)
    assert dialect.notes == ("Its first line says that '|' parts the cells; the answer has no such line.",)
    assert without_notes("SEP=;\nid;text\n1;a\n") == Dialect(";", 2, has_header=True, skipped=1)
    assert without_notes("sep=:\nid:text\n1:a\n") == Dialect(":", 2, has_header=True, skipped=1)
    assert without_notes("sep=;\nid,text\n1,a\n", delimiter=",") == Dialect(",", 2, has_header=True, skipped=1)


def test_title_rows_are_skipped_and_told() -> None:
    one = sniff("Export of May\n\nid,text\n1,I love it\n2,bad\n")
    assert replace(one, notes=()) == Dialect(",", 2, has_header=True, skipped=2)
    assert one.notes == ("The line above the header is no part of the table, and left out of the answer.",)
    two = sniff("Export\nof May\nid;text;n\n1;I love it;3\n2;bad;4\n")
    assert replace(two, notes=()) == Dialect(";", 3, has_header=True, skipped=2)
    assert two.notes == ("The 2 lines above the header are no part of the table, and left out of the answer.",)


@pytest.mark.parametrize("rows", [2, 20])
@pytest.mark.parametrize(
    ("titles", "skipped"), [("Export of May\n", 1), ("# exported by a tool\n# 2020\n", 2), ("Report,,\n,,\n", 2)]
)
@pytest.mark.parametrize("columns", [2, 3])
def test_titles_stand_above_small_and_large_tables(titles: str, skipped: int, rows: int, columns: int) -> None:
    lines = ["id,text,likes", *[f"{number},what a day {number} was,{number}" for number in range(rows)]]
    table = "\n".join(",".join(line.split(",")[:columns]) for line in lines)
    titles = titles.replace(",,", "," * (columns - 1))
    assert without_notes(titles + table) == Dialect(",", columns, has_header=True, skipped=skipped)


def test_what_stands_above_the_rows_and_is_no_title_is_refused() -> None:
    with pytest.raises(RowsError, match="its first row has 1 cell where others have 2; accepted: the names") as refused:
        sniff("What a day it was\nred,I love it\nblue,so bad\ngreen,fine by me\n")
    assert refused.value.code == "header_unclear"
    assert "What a day" not in str(refused.value), "it may be somebody's text"


def test_rows_may_have_a_cell_more_than_the_header() -> None:
    row_names = sniff('"text","label"\n"1","I love it","pos"\n"2","bad","neg"\n')
    assert replace(row_names, notes=()) == Dialect(",", 3, has_header=True, missing_name="first")
    assert "one cell more than the header" in row_names.notes[0]
    last = sniff("id,text\n1,I love it,\n2,bad,\n")
    assert replace(last, notes=()) == Dialect(",", 3, has_header=True, missing_name="last")
    assert "end with an empty cell" in last.notes[0]


@pytest.mark.parametrize(
    ("sample", "decimal_comma"),
    [
        ("id;text;score\n1;good;0,5\n2;bad;-1,25\n", True),
        ("id;text;score\n1;good;0.5\n2;bad;0,5\n", False),
        ("id;text\n1;good\n", False),
        ("id;text\n1;1,5 is what I give it\n", False),
        ('id,text,score\n1,good,"0,5"\n', False),
    ],
)
def test_decimal_commas_are_seen_beside_semicolons(sample: str, decimal_comma: bool) -> None:
    assert sniff(sample).decimal_comma == decimal_comma


@pytest.mark.parametrize("sample", ["", "\n\n", "\r\n"])
def test_an_empty_file_is_refused(sample: str) -> None:
    with pytest.raises(RowsError, match="it is empty"):
        sniff(sample)


CELLS = st.text(alphabet='ab c,;|"\t\n😀é!.', max_size=12)


@given(
    rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_quoted_tables_of_any_cells_have_the_delimiter_and_header_that_was_written(
    rows: list[tuple[str, str]], delimiter: str, end: str
) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([("id", "text"), *rows])
    dialect = sniff(file.getvalue())
    assert (dialect.delimiter, dialect.columns, dialect.has_header) == (delimiter, 2, True)


@given(st.text(alphabet='ab1,;|"\t\r\n =ée', max_size=40), st.sampled_from(["auto", "true", "false"]))
def test_any_text_has_a_dialect_or_is_refused(sample: str, header: str) -> None:
    try:
        dialect = sniff(sample, header=header)
    except RowsError:
        return
    assert dialect.columns >= 1
