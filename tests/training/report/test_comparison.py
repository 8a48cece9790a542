from tests.training.report.examples import BASELINES, evidence
from training.report.comparison import comparison_table


def test_the_best_is_first_and_the_network_is_marked() -> None:
    table = comparison_table(evidence(baselines=BASELINES))
    assert [row[0] for row in table.rows] == ["TF-IDF + SVM", "example (network, served)", "majority"]
    assert table.marked == 1
    assert table.rows[0] == ("TF-IDF + SVM", "0.750", "0.740", "0.760", "3.2 s", "8.0 MB", "40,000")
    assert table.rows[1][4] == "before"


def test_a_network_that_was_not_among_them_is_added() -> None:
    example = evidence(baselines=[BASELINES[0], BASELINES[2]])
    table = comparison_table(example)
    assert table.marked == 1
    figures = example.figures
    assert table.rows[1] == (
        "example (network, served)",
        f"{figures.macro_recall:.3f}",
        f"{figures.macro_f1:.3f}",
        f"{figures.accuracy:.3f}",
        "–",
        "–",
        "–",
    )


def test_without_baselines_there_is_nothing_to_compare() -> None:
    table = comparison_table(evidence())
    assert table.rows == []
    assert table.marked is None
