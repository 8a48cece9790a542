from typing import Any

import pytest

from training.axis import Axis
from training.errors import RecipeError
from training.ranges import Range
from training.recipe import Recipe
from training.searchable import searchable_knob


def axis(key: str, **limits: Any) -> Axis:
    return Axis(searchable_knob(Recipe(name="x"), key), Range(**limits))


@pytest.mark.parametrize(
    ("found", "ends", "held", "not_held"),
    [
        (axis("fit.epochs", low=1, high=9), [1, 9], [1, 5, 9], [0, 10]),
        (axis("network.embedding", low=64, high=192, step=32), [64, 192], [64, 128], [100, 224]),
        (axis("fit.learning_rate", low=1e-4, high=1e-2, log=True), [1e-4, 1e-2], [1e-3], [0.1]),
        (axis("network.dropout", low=0, high=0.3, step=0.1), [0.0, 0.3], [0.1, 0.3], [0.15, 0.4]),
        (axis("network.dropout", choices=[0, 0.5]), [0.0, 0.5], [0.0, 0.5], [0.1]),
        (axis("network.lstm", choices=[[1], [1, 2]]), [[1], [1, 2]], [[1, 2]], [[2]]),
        (axis("network.masked", choices=[True, False]), [True, False], [True], [1]),
    ],
)
def test_what_it_holds(found: Axis, ends: list[Any], held: list[Any], not_held: list[Any]) -> None:
    assert list(map(repr, found.ends)) == list(map(repr, ends))
    assert all(found.holds(value) for value in held)
    assert not any(found.holds(value) for value in not_held)
    for value in held:
        internal = found.distribution.to_internal_repr(found.param(value))
        assert found.value(found.distribution.to_external_repr(internal)) == value


@pytest.mark.parametrize(
    ("key", "limits", "fault"),
    [
        ("fit.epochs", {"low": 1, "high": 2.5}, "tune.ranges.fit.epochs: found 1, 2.5; accepted: whole numbers"),
        ("fit.epochs", {"low": 1, "high": 2, "step": 0.5}, "found 1, 2, 0.5; accepted: whole numbers"),
        ("network.lstm", {"low": 1, "high": 2}, "its values are no numbers; accepted: choices"),
        ("network.masked", {"low": 0, "high": 1}, "its values are no numbers; accepted: choices"),
    ],
)
def test_numbers_for_a_knob_of_another_kind(key: str, limits: dict[str, Any], fault: str) -> None:
    with pytest.raises(RecipeError) as caught:
        axis(key, **limits)
    assert fault in str(caught.value)
