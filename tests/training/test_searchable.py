from typing import Any

import pytest

from training.errors import RecipeError
from training.recipe import Recipe
from training.searchable import searchable_knob
from training.vector_knobs import VectorKnobs

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
        searchable_knob(Recipe(name="x", vectors=VectorKnobs(file="v.txt")), "network.embedding")
