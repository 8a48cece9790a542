"""`[[fields]]`, and what else of a recipe goes with rows of fields."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from serving.model.inputs.fields import RESERVED
from training.recipe.fields import FieldConfig
from training.recipe.loading import as_toml
from training.recipe.recipe import Recipe, find_recipe, knob_table, read_recipe

AGE = {"name": "age", "kind": "number"}
WORK = {"name": "work", "kind": "category"}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({"name": "age"}, "Field required"),
        ({**AGE, "kind": "text"}, "Input should be 'number' or 'category'"),
        ({**AGE, "values": ["a", "b"]}, "a number with values; accepted: a number without"),
        ({**WORK, "unit": "years", "step": 1}, "a category with unit, step; accepted: a category without"),
        ({**AGE, "minimum": 5, "maximum": 5}, "minimum is 5, maximum 5; accepted: minimum < maximum"),
        ({**AGE, "minimum": float("-inf")}, "finite"),
        ({**AGE, "step": 0}, "greater than 0"),
        ({**AGE, "missing": "none"}, "missing is 'none'; accepted for a number: a number"),
        ({**WORK, "missing": 0}, "missing is 0.0; accepted for a category: one of its values"),
        ({**WORK, "values": ["a", "b"], "missing": "c"}, r"missing is 'c'; accepted: one of its values, \['a', 'b'\]"),
        ({**WORK, "values": ["a", "b", "a"]}, "values has one twice"),
        ({**WORK, "values": [str(number) for number in range(1001)]}, "at most 1000 items"),
        ({**AGE, "name": "x" * 101}, "at most 100 characters"),
        ({**AGE, "range": 3}, "Extra inputs are not permitted"),
    ],
)
def test_a_field_that_is_none(content: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        FieldConfig.model_validate(content)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_what_requests_say_beside_fields_is_no_name_of_one(name: str) -> None:
    with pytest.raises(ValidationError, match=f"name is '{name}'; accepted: any but explain, fields, "):
        FieldConfig(name=name, kind="number")
    assert FieldConfig(name="other", column=name, kind="number").source == name


def test_a_missing_value_of_each_kind() -> None:
    assert FieldConfig.model_validate({**AGE, "missing": 0}).missing == 0.0
    assert FieldConfig.model_validate({**WORK, "values": ["a", "b"], "missing": "b"}).missing == "b"


def test_a_recipe_with_fields_is_one_of_fields() -> None:
    assert Recipe.model_validate({"name": "x", "fields": [AGE]}).inputs == "fields"
    assert Recipe.model_validate({"name": "x", "inputs": "fields"}).fields == []
    assert Recipe.model_validate({"name": "x"}).inputs == "text"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({"inputs": "text", "fields": [AGE]}, r"inputs is 'text' beside \[\[fields\]\]"),
        ({"fields": [AGE, AGE]}, "two have the name 'age'"),
        ({"fields": [AGE, {**AGE, "name": "years", "column": "age"}]}, "two have the column 'age'"),
        ({"tokenizer": {"model": "word"}}, r"beside \[tokenizer\]"),
        ({"network": {"lstm": [8]}}, r"beside \[network\] with more than embedding, dense, dropout, bins"),
        ({"vectors": {"file": "v"}}, r"beside \[vectors\]"),
        ({"known_answers": ["a text"]}, "beside known_answers"),
        ({"data": {"sources": [{"file": "a.csv", "text": "t"}]}}, "beside data.sources.a.csv with a text or a task"),
        ({"stages": [{"name": "a", "masked_words": 0.1, "word_dropout": 0.2}]}, "stages.a with masked words or teach"),
        (
            {"stages": [{"name": "a", "teachers": ["b"], "teacher_share": 0.5}]},
            "stages.a with masked words or teachers",
        ),
    ],
)
def test_what_reads_texts_does_not_go_with_fields(content: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Recipe.model_validate({"name": "x", "inputs": "fields", **content})


def test_what_a_network_of_fields_has_goes_with_them() -> None:
    network = {"embedding": 4, "dense": [8], "dropout": 0.1, "bins": 16}
    recipe = Recipe.model_validate({"name": "x", "fields": [AGE], "network": network, "fit": {"word_dropout": 0.1}})
    assert recipe.network.bins == 16


def test_a_recipe_of_texts_says_nothing_of_fields() -> None:
    content = read_recipe(find_recipe(Path("sample"))).model_dump(mode="json")
    assert not {"inputs", "fields", "slices"} & content.keys()
    assert "bundled" not in content["data"]


@pytest.mark.parametrize("name", ["iris", "income"])
def test_our_own_recipes_of_fields_come_back_from_their_toml(tmp_path: Path, name: str) -> None:
    recipe = read_recipe(find_recipe(Path(name)))
    assert recipe.inputs == "fields"
    (tmp_path / "r.toml").write_text(as_toml(recipe.model_dump(mode="json")), encoding="utf-8")
    assert read_recipe(tmp_path / "r.toml") == recipe


def test_every_knob_of_a_field_has_its_meaning() -> None:
    knobs = {line.split(" | ")[0].strip("| `"): line for line in knob_table().splitlines()}
    assert {f"fields.{name}" for name in FieldConfig.model_fields} <= knobs.keys()
    assert {"slices", "inputs", "network.bins", "data.bundled"} <= knobs.keys()
