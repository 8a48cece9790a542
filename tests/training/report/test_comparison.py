from tests.training.report.examples import BASELINES, NETWORK, evidence
from training.compare import Row
from training.report.comparison import comparison_table


def test_the_best_is_first_and_the_network_is_marked() -> None:
    table = comparison_table(evidence(baselines=BASELINES, network=NETWORK))
    assert [row[0] for row in table.rows] == ["TF-IDF + SVM", "example (network, served)", "majority"]
    assert table.marked == 1
    assert table.rows[0] == ("TF-IDF + SVM", "0.750", "0.740", "0.760", "3.2 s", "8.0 MB", "40,000")
    assert table.rows[1] == ("example (network, served)", "0.700", "0.690", "0.720", "4,210.0 s", "2.5 MB", "4,000")


def test_without_the_network_none_is_marked() -> None:
    assert comparison_table(evidence(baselines=BASELINES)).marked is None


def test_without_baselines_there_is_nothing_to_compare() -> None:
    table = comparison_table(evidence(network=NETWORK))
    assert table.rows == []
    assert table.marked is None


def test_the_best_is_that_of_the_greatest_macro_recall() -> None:
    accurate = Row("accurate", 0.6, 0.8, 0.9, 1.0, 100, 1e6)
    table = comparison_table(evidence(baselines=[accurate], network=NETWORK))
    assert [row[0] for row in table.rows] == ["example (network, served)", "accurate"]
    assert table.marked == 0
