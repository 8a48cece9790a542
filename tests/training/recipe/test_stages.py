from typing import Any

import pytest
from pydantic import ValidationError

from training.recipe.recipe import Recipe
from training.recipe.stages import Stage

ENCODER = {"folder": "encoder"}
SOURCES = [{"file": "a.csv", "name": "own"}, {"file": "w.csv", "name": "weak", "task": "smile"}]


def recipe(**content: Any) -> Recipe:
    return Recipe.model_validate({"name": "x", "data": {"sources": SOURCES}, **content})


def test_a_recipe_without_stages_has_one() -> None:
    (stage,) = recipe(fit={"epochs": 7}).schedule
    assert (stage.name, stage.epochs, stage.sources, stage.masked_words) == ("fit", 7, [], 0.0)


def test_what_a_stage_leaves_out_is_as_in_fit() -> None:
    found = recipe(fit={"epochs": 7, "word_dropout": 0.2}, stages=[{"name": "one", "epochs": 2}])
    assert (found.stages[0].epochs, found.stages[0].word_dropout) == (2, 0.2)
    assert Recipe.model_validate(found.model_dump(mode="json")) == found


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({"stages": [{"name": "s", "sources": ["else"]}]}, r"stages.s.sources: unknown sources \['else'\]"),
        ({"stages": [{"name": "s", "weights": {"else": 2.0}}]}, "accepted: own, weak"),
        ({"tokenizer": {"sources": ["else"]}}, r"tokenizer.sources: unknown sources \['else'\]"),
        ({"stages": [{"name": "s", "sources": ["weak"]}]}, "accepted: only sources without a task"),
        ({"stages": [{"name": "s"}, {"name": "s"}]}, "accepted: distinct ones"),
        ({"stages": [{"name": "s", "masked_words": 0.5}]}, "masked_words needs word_dropout above 0"),
        ({"stages": [{"name": "s", "weights": {"own": 0.0}}]}, "accepted: above 0, at most 100"),
        ({"fit": {"class_weights": {"a": -1.0}}}, "class_weights: found .*accepted: above 0, at most 100"),
        ({"stages": [{"name": "s", "group_balances": {"weak": 0.5}}]}, r"unknown sources \['weak'\]"),
        ({"stages": [{"name": "s", "group_balances": {"own": 2.0}}]}, "accepted: from 0 to 1"),
        ({"stages": [{"name": "s", "teacher_shares": {"weak": 0.5}}]}, r"unknown sources \['weak'\]"),
        ({"stages": [{"name": "s", "teacher_shares": {"own": 2.0}}]}, "teacher_shares: found .*accepted: from 0 to 1"),
        ({"stages": [{"name": "s", "sources": ["templates"]}]}, r"unknown sources \['templates'\]"),
        (
            {"encoder": ENCODER, "stages": [{"name": "s", "sources": ["weak"]}, {"name": "t"}]},
            "encoder: stage 's' learns from a task",
        ),
        ({"encoder": ENCODER, "stages": [{"name": "s", "teachers": ["t"]}]}, "encoder: stage 's' learns"),
        (
            {"encoder": ENCODER, "stages": [{"name": "s", "masked_words": 0.5, "word_dropout": 0.1}]},
            "a teacher or masked words; accepted: the recipe's labels alone",
        ),
    ],
)
def test_what_does_not_fit_is_refused(content: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        recipe(**content)


def test_a_stage_can_be_made_alone() -> None:
    assert Stage(name="alone").epochs == 10
