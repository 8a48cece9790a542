import pytest
from markdown_it import MarkdownIt

from training.report.markdown import Markdown, as_markdown, escaped, fenced
from training.report.table import Table

AWKWARD = [
    "a|b",
    "two\nlines",
    "*bold* _it_",
    "<b>&amp;",
    "`code`",
    "[x](http://y)",
    "# no",
    "a\\|b",
    "$5 and $6",
    "~~x~~",
]


def shown(markdown: str) -> str:
    return str(MarkdownIt("commonmark").enable("table").enable("strikethrough").render(markdown))


@pytest.mark.parametrize("text", AWKWARD)
def test_a_text_is_read_as_it_is(text: str) -> None:
    plain = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert shown(escaped(text)) == f"<p>{plain}</p>\n"


def test_file_names_stay_legible() -> None:
    assert escaped("semeval_2013_2016.csv.gz") == "semeval_2013_2016.csv.gz"


def test_markdown_is_not_escaped_twice() -> None:
    assert escaped(Markdown("**x**")) == "**x**"
    assert escaped(escaped("*")) == "\\*"


def test_a_table_keeps_its_columns_whatever_is_in_its_cells() -> None:
    table = Table("t", ("class", "rows"), [(text, "1") for text in AWKWARD])
    html = shown(as_markdown(table))
    assert html.count("<tr>") == len(AWKWARD) + 1
    assert html.count("<td") == 2 * len(AWKWARD)
    assert "<td>a|b</td>" in html


def test_figures_stand_right_and_the_marked_row_is_bold() -> None:
    table = Table("t", ("model", "recall"), [("one", "0.5"), ("two", "0.4")], marked=1)
    assert as_markdown(table) == "| model | recall |\n|---|---:|\n| one | 0.5 |\n| **two** | **0.4** |"


def test_code_cannot_leave_its_fence() -> None:
    assert fenced("a ``` b") == "````\na ``` b\n````"
    assert fenced("plain") == "```\nplain\n```"
