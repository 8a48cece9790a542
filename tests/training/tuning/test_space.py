from typing import Any

import pytest
from optuna.trial import FixedTrial

from training.errors import RecipeError
from training.recipe.model import WordVectorsConfig
from training.recipe.recipe import Recipe
from training.recipe.search import Range
from training.tuning.space import Dimension, SearchSpace, searchable_knob


def dimension(key: str, **limits: Any) -> Dimension:
    return Dimension(searchable_knob(Recipe(name="x"), key), Range(**limits))


@pytest.mark.parametrize(
    ("found", "ends", "held", "not_held"),
    [
        (dimension("fit.epochs", low=1, high=9), [1, 9], [1, 5, 9], [0, 10]),
        (dimension("network.embedding", low=64, high=192, step=32), [64, 192], [64, 128], [100, 224]),
        (dimension("fit.learning_rate", low=1e-4, high=1e-2, log=True), [1e-4, 1e-2], [1e-3], [0.1]),
        (dimension("network.dropout", low=0, high=0.3, step=0.1), [0.0, 0.3], [0.1, 0.3], [0.15, 0.4]),
        (dimension("network.dropout", choices=[0, 0.5]), [0.0, 0.5], [0.0, 0.5], [0.1]),
        (dimension("network.lstm", choices=[[1], [1, 2]]), [[1], [1, 2]], [[1, 2]], [[2]]),
        (dimension("network.masked", choices=[True, False]), [True, False], [True], [1]),
    ],
)
def test_what_it_holds(found: Dimension, ends: list[Any], held: list[Any], not_held: list[Any]) -> None:
    assert list(map(repr, found.ends)) == list(map(repr, ends))
    assert all(found.contains(value) for value in held)
    assert not any(found.contains(value) for value in not_held)
    for value in held:
        assert found.suggest(FixedTrial({found.knob.key: found.param(value)})) == value


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
        dimension(key, **limits)
    assert fault in str(caught.value)


STAGES = Recipe.model_validate(
    {
        "name": "x",
        "data": {
            "sources": [
                {"file": "a.csv.gz", "name": "a"},
                {"file": "b.csv.gz"},
                {"file": "c.csv", "part": "train"},
                {"file": "c.csv", "part": "test"},
            ]
        },
        "stages": [{"name": "one"}, {"name": "v. 2", "sources": ["a"]}],
    }
)


@pytest.mark.parametrize(
    ("key", "path", "kind", "value"),
    [
        ("network.lstm", ("network", "lstm"), "array", [128]),
        ("tokenizer.model", ("tokenizer", "model"), "string", "bpe"),
        ("stages.v. 2.learning_rate", ("stages", 1, "learning_rate"), "number", 1e-3),
        ("stages.v. 2.sources", ("stages", 1, "sources"), "array", ["a"]),
        ("data.sources.a.weight", ("data", "sources", 0, "weight"), "number", 1.0),
        ("data.sources.b.csv.gz.weight", ("data", "sources", 1, "weight"), "number", 1.0),
    ],
)
def test_a_knob_is_found_by_its_key(key: str, path: Any, kind: str, value: Any) -> None:
    knob, content = searchable_knob(STAGES, key), STAGES.model_dump()
    assert (knob.key, knob.path, knob.kind) == (key, path, kind)
    assert knob.read(content) == value
    knob.write(content, "other")
    assert knob.read(content) == "other"


@pytest.mark.parametrize(
    ("key", "accepted"),
    [
        ("seed", "tokenizer.KEY, network.KEY, stages.one.KEY, stages.v. 2.KEY, data.sources.a.KEY"),
        ("data.labels", "tokenizer.KEY"),
        ("network", "tokenizer.KEY"),
        ("network.layers", "network.embedding, network.masked"),
        ("stages.one.seed", "stages.one.epochs"),
        ("stages.one.name", "stages.one.epochs"),
        ("stages.one.keep", "stages.one.epochs"),
        ("stages.two.epochs", "tokenizer.KEY"),
        ("data.sources.a.rows", "data.sources.a.weight"),
        ("data.sources.c.csv.weight", "data.sources.b.csv.gz.KEY"),
        ("fit.epochs", "stages.one.epochs, stages.v. 2.epochs"),
    ],
)
def test_another_key_is_refused_with_those_that_are_accepted(key: str, accepted: str) -> None:
    with pytest.raises(RecipeError) as caught:
        searchable_knob(STAGES, key)
    found, _, told = str(caught.value).partition("; accepted: ")
    assert found == f"tune.ranges: found {key!r}"
    assert accepted in told


def test_fit_where_there_are_no_stages() -> None:
    assert searchable_knob(Recipe(name="x"), "fit.epochs").path == ("fit", "epochs")


def test_an_embedding_is_as_long_as_its_vectors() -> None:
    with pytest.raises(RecipeError, match=r"found 'network\.embedding'; accepted: network\.masked"):
        searchable_knob(Recipe(name="x", vectors=WordVectorsConfig(file="v.txt")), "network.embedding")


def recipe(ranges: dict[str, Any], **content: Any) -> Recipe:
    return Recipe.model_validate({"name": "x", **content, "tune": {"ranges": ranges}})


def test_values_become_a_recipe_without_the_search() -> None:
    stages = [{"name": "one", "epochs": 4}, {"name": "two"}]
    ranges = {"stages.one.epochs": {"low": 1, "high": 4}, "network.lstm": {"choices": [[128], [8, 8]]}}
    start = recipe(ranges, stages=stages)
    space = SearchSpace(start)
    assert space.start == {"stages.one.epochs": 4, "network.lstm": [128]}
    assert space.recipe(space.start) == start.model_copy(update={"tune": None})
    found = space.recipe(space.suggest(FixedTrial({"network.lstm": "[8, 8]", "stages.one.epochs": 2})))
    assert (found.stages[0].epochs, found.stages[1].epochs, found.network.lstm) == (2, 10, [8, 8])
    assert space.start_params == {"stages.one.epochs": 4, "network.lstm": "[128]"}


@pytest.mark.parametrize(
    ("ranges", "fault"),
    [
        ({"fit.learning_rate": {"low": 1e-4, "high": 2}}, "found fit.learning_rate = 2.0, which is no valid recipe"),
        ({"fit.epochs": {"choices": [10, "9"]}}, "found fit.epochs = '9', which is no valid recipe: fit.epochs: found"),
        ({"network.pooling": {"choices": [["last"], ["last", "max"]]}}, "'last' alone, or any of the others together"),
        ({"network.embedding": {"low": 10, "high": 100}}, "does not hold 128, the recipe's own value"),
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
        SearchSpace(recipe(ranges))
    assert fault in str(caught.value)


def test_a_recipe_without_ranges() -> None:
    message = r"tune\.ranges: missing; accepted: knob = range.*that have some: gop-debate-p.*, income, iris, sample"
    with pytest.raises(RecipeError, match=message):
        SearchSpace(Recipe(name="x"))
