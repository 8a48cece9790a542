import numpy as np

from tests.training.report.examples import HISTORY, answers, metadata, report_data
from training.evaluation.results import Row
from training.report.report_data import TrainingRecord
from training.report.tables import (
    curve_table,
    held_out_table,
    length_table,
    mistake_table,
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
        ("a", "1.000", "1.000", "1 of 3", "2"),
        ("b", "0.750", "0.750", "1 of 3", "4"),
    ]


def test_lengths_are_put_into_slices_by_their_ends() -> None:
    lengths = np.array([1, 8, 9, 16, 17, 24, 25, 32, 33, 400])
    truth, probabilities = answers([[5, 0, 0], [0, 5, 0], [0, 0, 0]])
    given = {"truth": truth, "probabilities": probabilities, "texts": ["x"] * 10, "groups": ["a"] * 10}
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
    figures = {"rows": 1413, "macro_recall": 0.71, "macro_f1": 0.7, "accuracy": 0.75}
    assert held_out_table(report_data()).rows == []
    found = held_out_table(report_data(metadata=metadata(metrics={"held_out": {"airline": figures}})))
    assert found.headings == ("group", "macro recall", "accuracy", "rows")
    assert found.rows == [("airline", "0.710", "0.750", "1,413")]


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
    given = {"truth": truth, "probabilities": probabilities, "texts": ["x"] * 6, "groups": ["a"] * 6}
    example = report_data(**given, lengths=np.ones(6))
    assert source_table(example).rows == [("a", "0.875", "0.833", "2 of 3", "6")]
    assert length_table(example).rows == [("1 to 8", "0.875", "0.833", "2 of 3", "6")]


def test_thresholds_by_label() -> None:
    assert threshold_table(metadata()).rows == [("positive", "90%", "0.828", "14.8%")]
    assert threshold_table(metadata(thresholds=[])).rows == []


def test_the_table_has_every_epoch() -> None:
    rows = curve_table(HISTORY).rows
    assert rows[0] == ("words", "1", "5.000", "–", "–", "–")
    assert rows[-1] == ("fit", "3", "0.500", "0.900", "0.640", "0.660")
