from serving.model.types import Prediction
from serving.tables.added_columns import RowResult, added_columns, added_values, with_surplus
from serving.tables.base import names_of

LABELS = ["no", "so, so"]
RESULT = RowResult(Prediction("no", 0.75, {"no": 0.75, "so, so": 0.25}, truncated=False))


def test_the_columns_and_their_values() -> None:
    assert names_of(added_columns(LABELS, [])) == ["label", "probability", "p_no", "p_so, so", "error"]
    assert added_values(RESULT, LABELS) == ["no", 0.75, 0.75, 0.25, None]
    assert added_values(RowResult(None, "no text"), LABELS) == [None, None, None, None, "no text"]


def test_names_that_the_file_has_are_not_taken() -> None:
    assert added_columns(LABELS, ["error"])[0] == ("predicted_label", "string")
    assert added_columns(LABELS, ["error", "predicted_label"])[-1] == ("predicted_predicted_error", "string")


def test_surplus_cells_are_told_where_there_is_no_place_for_them() -> None:
    assert with_surplus(RowResult(None, "why"), ["b", "c"]).error == "why; beyond the last: 'b', 'c'"
    assert with_surplus(RESULT, []) == RESULT
