import pytest

from serving.model.types import Prediction
from serving.tables.added_columns import RowResult, added_columns, added_values, with_surplus
from serving.tables.base import names_of

LABELS = ["no", "so, so"]
RESULT = RowResult(Prediction("no", 0.75, {"no": 0.75, "so, so": 0.25}, truncated=True, in_vocabulary=0.5))
NAMES = ["label", "probability", "p_no", "p_so, so", "truncated", "in_vocabulary", "error"]


def test_the_columns_and_their_values() -> None:
    assert names_of(added_columns(LABELS, [])) == NAMES
    assert added_values(RESULT, LABELS) == ["no", 0.75, 0.75, 0.25, True, 0.5, None]
    assert added_values(RowResult(None, "no text"), LABELS) == [None] * 6 + ["no text"]


def test_probabilities_have_six_digits() -> None:
    third = Prediction("no", 2 / 3, {"no": 2 / 3, "so, so": 1 / 3}, truncated=False, in_vocabulary=1 / 3)
    assert added_values(RowResult(third), LABELS)[1:6] == [0.666667, 0.666667, 0.333333, False, 0.333333]


def test_a_predicted_row_can_have_an_error_too() -> None:
    assert added_values(RESULT._replace(error="why"), LABELS)[-1] == "why"


@pytest.mark.parametrize("name", NAMES)
def test_names_that_the_file_has_are_not_taken(name: str) -> None:
    assert names_of(added_columns(LABELS, [name])) == [f"predicted_{each}" for each in NAMES]


def test_names_that_were_added_before_are_not_taken() -> None:
    assert added_columns(LABELS, ["error", "predicted_label"])[-1] == ("predicted_predicted_error", "string")


def test_surplus_cells_are_told_where_there_is_no_place_for_them() -> None:
    assert with_surplus(RowResult(None, "why"), ["b", "c"]).error == "why; beyond the last: 'b', 'c'"
    assert with_surplus(RESULT, []) == RESULT
