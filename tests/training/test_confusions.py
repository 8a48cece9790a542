from tests.training.report.examples import COUNTS, LABELS, evidence
from training.confusions import cells, most_frequent


def test_each_cell_has_its_rows_and_their_share_of_the_truth() -> None:
    found = {(cell.truth, cell.predicted): cell for cell in cells(evidence().figures)}
    assert len(found) == 9
    for truth, row in zip(LABELS, COUNTS, strict=True):
        for predicted, rows in zip(LABELS, row, strict=True):
            assert found[truth, predicted].rows == rows
            assert found[truth, predicted].share == rows / sum(row)


def test_the_most_frequent_come_first_and_what_is_right_is_none_of_them() -> None:
    found = [(cell.truth, cell.predicted, cell.rows) for cell in most_frequent(evidence().figures, 3)]
    assert found == [("neutral", "positive", 11), ("positive", "neutral", 8), ("negative", "neutral", 7)]
