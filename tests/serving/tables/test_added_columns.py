import pytest

from serving.model.types import Prediction
from serving.tables.added_columns import AddedColumns, RowResult, with_surplus
from serving.tables.base import names_of
from serving.tables.inputs.text import TEXT_FACTS

ADDED = AddedColumns(["no", "so, so"], TEXT_FACTS)
RESULT = RowResult(Prediction("no", 0.75, {"no": 0.75, "so, so": 0.25}, truncated=True, in_vocabulary=0.5))
NAMES = ["label", "probability", "p_no", "p_so, so", "truncated", "in_vocabulary", "error"]


def test_the_columns_and_their_values() -> None:
    assert names_of(ADDED.columns([])) == NAMES
    assert ADDED.values(RESULT) == ["no", 0.75, 0.75, 0.25, True, 0.5, None]
    assert ADDED.values(RowResult(None, "no text")) == [None] * 6 + ["no text"]


def test_a_row_of_fields_has_no_facts_of_texts() -> None:
    plain = AddedColumns(ADDED.labels)
    assert names_of(plain.columns([])) == ["label", "probability", "p_no", "p_so, so", "error"]
    assert plain.values(RESULT) == ["no", 0.75, 0.75, 0.25, None]
    assert plain.values(RowResult(None, "why")) == [None] * 4 + ["why"]


@pytest.mark.parametrize(("least", "uncertain"), [(0.0, False), (0.75, False), (0.750001, True), (1.0, True)])
def test_a_column_for_what_is_uncertain(least: float, uncertain: bool) -> None:
    telling = ADDED.telling_uncertain(least)
    assert names_of(telling.columns([])) == [*NAMES[:-1], "uncertain", "error"]
    assert telling.values(RESULT)[-2:] == [uncertain, None]
    assert telling.values(RowResult(None, "no text")) == [None] * 7 + ["no text"]


def test_nothing_is_uncertain_unless_asked_for() -> None:
    assert ADDED.telling_uncertain(None) == ADDED


def test_probabilities_have_six_digits() -> None:
    third = Prediction("no", 2 / 3, {"no": 2 / 3, "so, so": 1 / 3}, truncated=False, in_vocabulary=1 / 3)
    assert ADDED.values(RowResult(third))[1:6] == [0.666667, 0.666667, 0.333333, False, 0.333333]


def test_a_predicted_row_can_have_an_error_too() -> None:
    assert ADDED.values(RESULT._replace(error="why"))[-1] == "why"


@pytest.mark.parametrize("name", NAMES)
def test_names_that_the_file_has_are_not_taken(name: str) -> None:
    assert names_of(ADDED.columns([name])) == [f"predicted_{each}" for each in NAMES]


def test_names_that_were_added_before_are_not_taken() -> None:
    assert ADDED.columns(["error", "predicted_label"])[-1] == ("predicted_predicted_error", "string")


def test_surplus_cells_are_told_where_there_is_no_place_for_them() -> None:
    assert with_surplus(RowResult(None, "why"), ["b", "c"]).error == "why; beyond the last: 'b', 'c'"
    assert with_surplus(RESULT, []) == RESULT
