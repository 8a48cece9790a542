import numpy as np
import pytest

from tests.training.report.examples import answers, evidence, metadata
from training.compare import Row
from training.report.slices import held_out_table, length_table, macro_recall, source_table


def test_only_the_classes_that_are_there_count() -> None:
    assert macro_recall(np.array([0, 0, 2]), np.array([0, 1, 2])) == pytest.approx((1 / 2 + 1) / 2)


def test_sources_are_measured_on_their_own() -> None:
    truth, probabilities = answers([[3, 1, 0], [0, 0, 0], [0, 0, 2]])
    example = evidence(
        truth=truth, probabilities=probabilities, texts=["x"] * 6, groups=["b"] * 4 + ["a"] * 2, lengths=np.ones(6)
    )
    assert source_table(example).rows == [
        ("a", "1.000", "1.000", "1 of 3", "2"),
        ("b", "0.750", "0.750", "1 of 3", "4"),
    ]


def test_lengths_are_put_into_slices_by_their_ends() -> None:
    lengths = np.array([1, 8, 9, 16, 17, 24, 25, 32, 33, 400])
    truth, probabilities = answers([[5, 0, 0], [0, 5, 0], [0, 0, 0]])
    given = {"truth": truth, "probabilities": probabilities, "texts": ["x"] * 10, "groups": ["a"] * 10}
    rows = length_table(evidence(**given, lengths=lengths)).rows
    assert [(row[0], row[-1]) for row in rows] == [
        ("1 to 8", "2"),
        ("9 to 16", "2"),
        ("17 to 24", "2"),
        ("25 to 32", "2"),
        ("33 or more", "2"),
    ]


def test_a_length_that_no_row_has_is_left_out() -> None:
    assert [row[0] for row in length_table(evidence(lengths=np.full(130, 12))).rows] == ["9 to 16"]


def test_held_out_rows_are_told_where_there_are_any() -> None:
    figures = {"rows": 1413, "macro_recall": 0.71, "macro_f1": 0.7, "accuracy": 0.75}
    assert held_out_table(evidence()).rows == []
    found = held_out_table(evidence(metadata=metadata(metrics={"held_out": {"airline": figures}})))
    assert found.headings == ("group", "macro recall", "accuracy", "rows")
    assert found.rows == [("airline", "0.710", "0.750", "1,413")]


def test_the_best_baseline_on_each_group_stands_beside_the_network() -> None:
    figures = {"rows": 9, "macro_recall": 0.71, "macro_f1": 0.7, "accuracy": 0.75}
    named = metadata(metrics={"held_out": {"airline": figures, "brands": figures}})
    rows = [
        Row("naive", 0.1, 0.1, 0.1, 1.0, 1, 1.0, {"airline": 0.7, "brands": 0.2}),
        Row("linear", 0.1, 0.1, 0.1, 1.0, 1, 1.0, {"airline": 0.6, "brands": 0.8}),
    ]
    found = held_out_table(evidence(metadata=named, baselines=rows))
    assert found.headings == ("group", "macro recall", "best baseline", "accuracy", "rows")
    assert [row[2] for row in found.rows] == ["0.700 (naive)", "0.800 (linear)"]


def test_macro_recall_and_accuracy_are_told_apart() -> None:
    truth, probabilities = answers([[3, 1, 0], [0, 0, 0], [0, 0, 2]])
    given = {"truth": truth, "probabilities": probabilities, "texts": ["x"] * 6, "groups": ["a"] * 6}
    example = evidence(**given, lengths=np.ones(6))
    assert source_table(example).rows == [("a", "0.875", "0.833", "2 of 3", "6")]
    assert length_table(example).rows == [("1 to 8", "0.875", "0.833", "2 of 3", "6")]
