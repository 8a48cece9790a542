from typing import Any

import numpy as np

from serving.model.metadata import CoveragePoint
from tests.training.report.examples import HISTORY, answers, metadata, report_data
from training.evaluation.results import Row
from training.report.report_data import TrainingRecord
from training.report.tables import (
    coverage_table,
    curve_table,
    held_out_table,
    kind_table,
    length_table,
    mistake_table,
    slice_gaps,
    slices_table,
    source_table,
    threshold_table,
)


def test_the_surest_mistake_is_first() -> None:
    example = report_data(
        truth=np.array([0, 1, 2, 1]),
        probabilities=np.array([[0.9, 0.05, 0.05], [0.8, 0.1, 0.1], [0.3, 0.4, 0.3], [0.05, 0.05, 0.9]]),
        rows=["right", "second", "third", "first"],
        groups=["a", "b", "c", "d"],
        lengths=np.ones(4),
    )
    assert mistake_table(example).rows == [
        ("first", "neutral", "positive", "d", "0.900"),
        ("second", "neutral", "negative", "b", "0.800"),
        ("third", "positive", "neutral", "c", "0.400"),
    ]


def test_there_are_at_most_twenty() -> None:
    assert len(mistake_table(report_data()).rows) == 20


def test_sources_are_measured_on_their_own() -> None:
    truth, probabilities = answers([[3, 1, 0], [0, 0, 0], [0, 0, 2]])
    example = report_data(
        truth=truth, probabilities=probabilities, rows=["x"] * 6, groups=["b"] * 4 + ["a"] * 2, lengths=np.ones(6)
    )
    assert source_table(example).rows == [
        ("a", "1.000", "–", "–", "1.000", "1.000", "2"),
        ("b", "0.750", "0.750", "–", "–", "0.750", "4"),
    ]


def test_lengths_are_put_into_slices_by_their_ends() -> None:
    lengths = np.array([1, 8, 9, 16, 17, 24, 25, 32, 33, 400])
    truth, probabilities = answers([[5, 0, 0], [0, 5, 0], [0, 0, 0]])
    given = {"truth": truth, "probabilities": probabilities, "rows": ["x"] * 10, "groups": ["a"] * 10}
    rows = length_table(report_data(**given, lengths=lengths)).rows
    assert [(row[0], row[-1]) for row in rows] == [
        ("1 to 8", "2"),
        ("9 to 16", "2"),
        ("17 to 24", "2"),
        ("25 to 32", "2"),
        ("33 or more", "2"),
    ]


def test_a_length_that_no_row_has_is_left_out() -> None:
    assert [row[0] for row in length_table(report_data(lengths=np.full(130, 12))).rows] == ["9 to 16"]


def test_held_out_rows_are_told_where_there_are_any() -> None:
    figures: dict[str, Any] = {"rows": 1413, "macro_recall": 0.71, "macro_f1": 0.7, "accuracy": 0.75}
    assert held_out_table(report_data()).rows == []
    found = held_out_table(report_data(metadata=metadata(metrics={"held_out": {"airline": figures}})))
    assert found.headings == ("group", "macro recall", "accuracy", "rows")  # of a bundle that knows no more
    assert found.rows == [("airline", "0.710", "0.750", "1,413")]
    figures["recalls"] = {"negative": 0.7, "neutral": None, "positive": 0.72}
    figures |= {"expected_calibration_error": 0.04, "expected_calibration_error_by_chance": 0.02}
    found = held_out_table(report_data(metadata=metadata(metrics={"held_out": {"airline": figures}})))
    assert found.headings[2:5] == ("recall of 'negative'", "recall of 'neutral'", "recall of 'positive'")
    row = ("airline", "0.710", "0.700", "–", "0.720", "0.750", "0.040, 0.020", "1,413")
    assert found.rows == [row]


def test_the_best_baseline_on_each_group_stands_beside_the_network() -> None:
    figures = {"rows": 9, "macro_recall": 0.71, "macro_f1": 0.7, "accuracy": 0.75}
    named = metadata(metrics={"held_out": {"airline": figures, "brands": figures}})
    rows = [
        Row("naive", 0.1, 0.1, 0.1, 1.0, 1, 1.0, {"airline": 0.7, "brands": 0.2}),
        Row("linear", 0.1, 0.1, 0.1, 1.0, 1, 1.0, {"airline": 0.6, "brands": 0.8}),
    ]
    found = held_out_table(report_data(metadata=named, record=TrainingRecord(baselines=rows)))
    assert found.headings == ("group", "macro recall", "best baseline", "accuracy", "rows")
    assert [row[2] for row in found.rows] == ["0.700 (naive)", "0.800 (linear)"]


def test_macro_recall_and_accuracy_are_told_apart() -> None:
    truth, probabilities = answers([[3, 1, 0], [0, 0, 0], [0, 0, 2]])
    given = {"truth": truth, "probabilities": probabilities, "rows": ["x"] * 6, "groups": ["a"] * 6}
    example = report_data(**given, lengths=np.ones(6))
    figures = ("0.875", "0.750", "–", "1.000", "0.833", "6")
    assert source_table(example).rows == [("a", *figures)]
    assert length_table(example).rows == [("1 to 8", *figures)]
    recalls = ("recall of 'negative'", "recall of 'neutral'", "recall of 'positive'")
    assert source_table(example).headings == ("source", "macro recall", *recalls, "accuracy", "rows")


def test_of_many_labels_it_is_told_how_many_a_slice_has() -> None:
    labels = list("abcdefg")
    example = report_data(
        metadata=metadata(labels=labels),
        truth=np.array([0, 1]),
        probabilities=np.eye(7)[[0, 0]],
        rows=["x", "y"],
        groups=["g"] * 2,
        lengths=np.ones(2),
    )
    assert source_table(example).headings == ("source", "macro recall", "classes", "accuracy", "rows")
    assert source_table(example).rows == [("g", "0.500", "2 of 7", "0.500", "2")]


def test_kinds_of_texts_are_measured_on_their_own() -> None:
    texts = ["so good!", "don't go https://t.co/x", "@a is it #Monday?", "never a good or bad word, nor a great one"]
    truth, probabilities = answers([[1, 0, 0], [0, 2, 1], [0, 0, 0]])
    given = {"truth": truth, "probabilities": probabilities, "rows": texts, "groups": ["a"] * 4, "lengths": np.ones(4)}
    counts = {row[0]: (row[1], row[-1]) for row in kind_table(report_data(**given)).rows}
    assert counts == {
        "a link": ("1.000", "1"),
        "a handle": ("1.000", "1"),
        "a hashtag": ("1.000", "1"),
        "an exclamation mark": ("1.000", "1"),
        "a question mark": ("1.000", "1"),
        "a negation": ("0.500", "2"),
        "no opinion word (of VADER's)": ("1.000", "2"),
        "one opinion word": ("1.000", "1"),
        "three or more": ("0.000", "1"),
    }
    spam = report_data(**given, metadata=metadata(labels=["ham", "odd", "spam"]))
    assert [row[0] for row in kind_table(spam).rows] == list(counts)[:6]
    assert kind_table(report_data(**{**given, "lengths": np.zeros(0, np.int64)})).rows == []


def test_thresholds_by_label() -> None:
    assert threshold_table(metadata()).rows == [("positive", "90%", "0.828", "14.8%")]
    assert threshold_table(metadata(thresholds=[])).rows == []


def test_values_for_the_setting_of_what_is_uncertain() -> None:
    curve = [
        CoveragePoint(coverage=0.75, risk=0.1, probability=0.61999),
        CoveragePoint(coverage=0.8, risk=0.125, probability=0.5709),
        CoveragePoint(coverage=1.0, risk=0.3, probability=0.4),
    ]
    assert coverage_table(metadata(risk_coverage=curve)).rows == [
        ("90%", "0.400", "100.0%", "30.0%"),
        ("80%", "0.570", "80.0%", "12.5%"),
        ("70%", "0.619", "75.0%", "10.0%"),
    ]
    assert coverage_table(metadata(risk_coverage=[])).rows == []


def test_the_table_has_every_epoch() -> None:
    rows = curve_table(HISTORY).rows
    assert rows[0] == ("words", "1", "5.000", "–", "–", "–")
    assert rows[-1] == ("fit", "3", "0.500", "0.900", "0.640", "0.660")


def test_a_mistake_on_fields_is_shown_with_their_values() -> None:
    row = {"age": 30.0, "work": None}
    example = report_data(
        truth=np.array([0]), probabilities=np.array([[0.2, 0.7, 0.1]]), rows=[row], groups=["a"], lengths=np.zeros(0)
    )
    assert mistake_table(example).rows == [("age: 30.0, work: None", "negative", "neutral", "a", "0.700")]


def test_a_row_of_fields_has_no_length() -> None:
    assert length_table(report_data(lengths=np.zeros(0, np.int64))).rows == []


def of_group(
    rows: int, accuracy: float, *selected: float, labels: tuple[str, ...] = ("no", "yes")
) -> dict[str, object]:
    rates = dict(zip(labels, selected, strict=True))
    return {"rows": rows, "accuracy": accuracy, "selected": rates, "base_rate": dict.fromkeys(labels, 0.25)}


SLICES = {
    "sex": {"f": of_group(900, 0.9, 0.875, 0.125), "m": of_group(1800, 0.8, 0.7, 0.3)},
    "race": {"a": of_group(900, 0.9, 0.9, 0.1), "b": of_group(3, 0.1, 0.0, 1.0)},
}


def test_groups_are_told_by_accuracy_and_by_the_second_of_two_labels() -> None:
    two = metadata(labels=["no", "yes"], metrics={"slices": SLICES})
    table = slices_table(two)
    assert table.headings == ("column", "value", "accuracy", "given 'yes'", "truly 'yes'", "rows")
    assert table.rows[:2] == [
        ("sex", "f", "0.900", "0.125", "0.250", "900"),
        ("sex", "m", "0.800", "0.300", "0.250", "1,800"),
    ]
    assert len(table.rows) == 4


def test_how_far_groups_are_apart_is_said_of_those_with_enough_rows() -> None:
    two = metadata(labels=["no", "yes"], metrics={"slices": SLICES})
    assert slice_gaps(two) == [
        "sex: accuracy from 0.800 (m) to 0.900 (f); given 'yes' (selection rate) from 0.125 (f) to 0.300 (m)."
    ]


def test_of_many_labels_some_rates_are_shown() -> None:
    labels = tuple("abcdefgh")
    figures = {"city": {"x": of_group(10, 0.5, *[0.125] * 8, labels=labels)}}
    headings = slices_table(metadata(labels=list(labels), metrics={"slices": figures})).headings
    assert headings == (
        "column",
        "value",
        "accuracy",
        *(f"{k} {x!r}" for x in "abcdef" for k in ("given", "truly")),
        "rows",
    )


def test_without_slices_there_is_no_table() -> None:
    assert slices_table(metadata()).rows == []
    assert slice_gaps(metadata()) == []
