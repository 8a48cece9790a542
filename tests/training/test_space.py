from typing import Any

import pytest

from training.errors import RecipeError
from training.recipe import Recipe
from training.space import Space


def recipe(ranges: dict[str, Any], **content: Any) -> Recipe:
    return Recipe.model_validate({"name": "x", **content, "tune": {"ranges": ranges}})


def test_values_become_a_recipe_without_the_search() -> None:
    stages = [{"name": "one", "epochs": 4}, {"name": "two"}]
    ranges = {"stages.one.epochs": {"low": 1, "high": 4}, "network.lstm": {"choices": [[128], [8, 8]]}}
    start = recipe(ranges, stages=stages)
    space = Space(start)
    assert space.start == {"stages.one.epochs": 4, "network.lstm": [128]}
    assert space.recipe(space.start) == start.model_copy(update={"tune": None})
    found = space.recipe(space.values({"network.lstm": "[8, 8]", "stages.one.epochs": 2}))
    assert (found.stages[0].epochs, found.stages[1].epochs, found.network.lstm) == (2, 10, [8, 8])
    assert space.params(space.start) == {"stages.one.epochs": 4, "network.lstm": "[128]"}


@pytest.mark.parametrize(
    ("ranges", "fault"),
    [
        ({"fit.learning_rate": {"low": 1e-4, "high": 2}}, "found fit.learning_rate = 2.0, which is no valid recipe"),
        ({"fit.epochs": {"choices": [10, "9"]}}, "found fit.epochs = '9', which is no valid recipe: fit.epochs: found"),
        ({"network.pooling": {"choices": [["last"], ["last", "max"]]}}, "'last' alone, or any of the others together"),
        ({"network.embedding": {"low": 10, "high": 100}}, "found no 128, which the recipe itself has"),
        ({"network.embedding": {"low": 100, "high": 130, "step": 10}}, "accepted: a range with it"),
        ({"seed": {"low": 1, "high": 3}}, "tune.ranges: found 'seed'; accepted: tokenizer.KEY, network.KEY, fit.KEY"),
        (
            {"tokenizer.stemming": {"choices": ["none", "plural"]}, "tokenizer.lowercase": {"choices": [True, False]}},
            "found tokenizer.stemming = 'plural' with tokenizer.lowercase = False, which is no valid recipe",
        ),
    ],
)  # fmt: skip
def test_a_range_that_cannot_be_searched_is_refused(ranges: dict[str, Any], fault: str) -> None:
    with pytest.raises(RecipeError) as caught:
        Space(recipe(ranges))
    assert fault in str(caught.value)


def test_a_recipe_without_ranges() -> None:
    with pytest.raises(RecipeError, match=r"tune\.ranges: missing; accepted: knob = range"):
        Space(Recipe(name="x"))
