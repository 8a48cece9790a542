import math
from dataclasses import replace

import numpy as np
import pytest
from markdown_it import MarkdownIt

from tests.training.report.examples import BASELINES, LABELS, NETWORK, many, report_data
from training.evaluation.metrics import measure
from training.evaluation.paired import Comparison, Difference, RecallDifferences, Side
from training.evaluation.results import Row
from training.evaluation.tables import (
    Table,
    as_markdown,
    calibration_reading,
    calibration_table,
    class_table,
    cleaning_table,
    comparison_table,
    confusion_table,
    count,
    difference_table,
    escaped,
    few_rows,
    few_rows_notes,
    group_table,
    key_figures,
    share,
    side_table,
)

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


def test_a_table_keeps_its_columns_whatever_is_in_its_cells() -> None:
    table = Table("t", ("class", "rows"), [(text, "1") for text in AWKWARD])
    html = shown(as_markdown(table))
    assert html.count("<tr>") == len(AWKWARD) + 1
    assert html.count("<td") == 2 * len(AWKWARD)
    assert "<td>a|b</td>" in html


def test_figures_stand_right_and_the_marked_row_is_bold() -> None:
    table = Table("t", ("model", "recall"), [("one", "0.5"), ("two", "0.4")], marked=1)
    assert as_markdown(table) == "| model | recall |\n|---|---:|\n| one | 0.5 |\n| **two** | **0.4** |"


def test_figures_as_people_read_them() -> None:
    assert share(2 / 3) == "0.667"
    assert count(20499) == "20,499"


def test_the_best_is_first_and_the_network_is_marked() -> None:
    table = comparison_table([*BASELINES, NETWORK], NETWORK)
    assert [row[0] for row in table.rows] == ["TF-IDF + SVM", "example (network, served)", "majority"]
    assert table.marked == 1
    assert table.rows[0] == ("TF-IDF + SVM", "0.750", "0.740", "0.760", "3.2 s", "8.0 MB", "40,000")
    assert table.rows[1] == ("example (network, served)", "0.700", "0.690", "0.720", "4,210.0 s", "2.5 MB", "4,000")


def test_without_the_network_none_is_marked() -> None:
    assert comparison_table(BASELINES).marked is None


def test_the_best_is_that_of_the_greatest_macro_recall() -> None:
    accurate = Row("accurate", 0.6, 0.8, 0.9, 1.0, 100, 1e6)
    table = comparison_table([accurate, NETWORK], NETWORK)
    assert [row[0] for row in table.rows] == ["example (network, served)", "accurate"]
    assert table.marked == 0


def test_the_groups_of_the_held_out_rows_are_told_apart() -> None:
    one = Row("one", 0.5, 0.4, 0.6, 1.25, 2_000_000, 1234.0, {"airline": 0.61, "brands": 0.5})
    other = Row("other", 0.7, 0.4, 0.6, None, 100, 10.0, {"airline": 0.7, "brands": 0.42})
    lines = as_markdown(group_table([one, other])).splitlines()
    assert lines[0] == "| held-out group | one | other |"
    assert lines[2:] == ["| airline | 0.610 | 0.700 |", "| brands | 0.500 | 0.420 |"]
    assert group_table([Row("one", 0.5, 0.4, 0.6, 1.25, 2, 3.0)]).rows == []


COMPARISON = Comparison(
    counts={"bad": 1200, "fair": 0, "good": 34},
    candidate=Side([0.7504, math.nan, 0.5], 0.75, 0.0123, 4321.4),
    old=Side([0.5, math.nan, 0.75], 0.5, 0.2, 900.0),
    differences=RecallDifferences(
        Difference(0.0, -0.1, 0.1), [Difference(0.25, 0.2, 0.3004), None, Difference(-0.25, -0.4, 0)]
    ),
)


def test_two_bundles_stand_beside_each_other() -> None:
    table = side_table(COMPARISON, {"candidate b 2": 2_500_000, "in place a 1": 40_000})
    assert table.title == "Both on the same 1,234 rows"
    assert table.rows == [
        ("candidate b 2", "0.625", "0.750", "0.012", "2.5 MB", "4,321"),
        ("in place a 1", "0.625", "0.500", "0.200", "0.0 MB", "900"),
    ]


def test_differences_have_their_sign_and_the_mean_stands_out() -> None:
    table = difference_table(COMPARISON)
    assert table.rows == [
        ("bad", "1,200", "0.750", "0.500", "+0.250", "+0.200 to +0.300"),
        ("fair", "0", "–", "–", "–", "–"),
        ("good", "34", "0.500", "0.750", "-0.250", "-0.400 to +0.000"),
        ("mean", "1,234", "0.625", "0.625", "+0.000", "-0.100 to +0.100"),
    ]
    assert table.marked == 3


def test_the_key_figures() -> None:
    found = key_figures(report_data().figures)
    assert list(found) == ["macro recall", "macro F1", "accuracy", "expected calibration error"]
    assert found["accuracy"] == "0.723"


def test_calibration_is_told_with_and_without_scaling_and_what_chance_alone_shows() -> None:
    example = report_data()
    figures = replace(
        example.figures,
        expected_calibration_error=0.02,
        expected_calibration_error_uncalibrated=0.1,
        expected_calibration_error_by_chance=0.013,
    )
    assert calibration_table(figures, 1.39913).rows == [
        ("1 (without scaling)", "0.100"),
        ("1.399 (as served)", "0.020"),
        ("by chance, if calibration were perfect", "0.013"),
    ]
    assert calibration_reading(figures) == (
        "Expected calibration error: on average, a probability is 2.0 points away from how often such answers are "
        "right. On as many rows, perfect probabilities would seem 1.3 points away by chance. Without temperature "
        "scaling it would be 10.0."
    )


def test_what_cleaning_dropped_is_a_table() -> None:
    table = cleaning_table({"rows read": 4000, "without a label": 60})
    assert table.rows == [("rows read", "4,000"), ("without a label", "60")]


def test_classes_with_few_rows_are_named_rarest_first() -> None:
    assert few_rows({"a": 20, "b": 0, "c": 400}) == ""
    assert few_rows({"a": 19, "b": 1, "c": 400}) == "'b' has 1, 'a' has 19"
    assert few_rows({f"c{i}": i for i in range(1, 9)}, limit=2) == "'c1' has 1, 'c2' has 2 and 6 more have few"


def test_each_part_with_few_rows_says_what_its_figures_are_worth() -> None:
    enough = {"a": 30, "b": 30}
    assert few_rows_notes({"train": enough, "validation": enough, "test": enough}) == []
    train, test = few_rows_notes({"train": {"a": 1, "b": 30}, "validation": enough, "test": {"a": 3, "b": 3}})
    assert train == "Few rows in the train part: 'a' has 1. A network learns little from so few."
    assert test == (
        "Few rows in the test part: 'a' has 3, 'b' has 3. One row more or less moves the recall of 'a' by 33 points: "
        "such figures show that it runs, not how good it is."
    )


def test_a_class_without_rows_has_no_figures() -> None:
    table = class_table(report_data().figures)
    assert table.rows[0] == ("negative", "0.690", "0.508 to 0.827", "0.714", "0.702", "29")
    without_positive = measure(LABELS, np.array([0, 1]), np.array([[0.8, 0.1, 0.1], [0.7, 0.2, 0.1]]), 1.0)
    assert class_table(without_positive).rows[2] == ("positive", "–", "–", "–", "–", "0")


def test_the_table_of_few_classes_is_the_matrix() -> None:
    table = confusion_table(report_data().figures)
    assert table.headings == ("truth \\ predicted", *LABELS)
    assert table.rows[0] == ("negative", "20", "7", "2")


def test_the_table_of_many_classes_is_of_the_most_frequent_confusions() -> None:
    table = confusion_table(many())
    assert table.rows == [("class 3", "class 5", "4", "0.308"), ("class 5", "class 3", "2", "0.182")]
    assert table.words == 2
