import tomllib
from pathlib import Path
from typing import Any

import pytest

from training.errors import RecipeError
from training.recipe.loading import as_toml, merged, read_content
from training.recipe.recipe import find_recipe, read_recipe


def nowhere(name: Path) -> Path:
    raise RecipeError(f"{name}: no such recipe")


def write(folder: Path, **recipes: str) -> None:
    for name, content in recipes.items():
        (folder / f"{name}.toml").write_text(content, encoding="utf-8")


@pytest.mark.parametrize(
    ("base", "over", "found"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"t": {"a": 1, "b": 2}}, {"t": {"b": 3}}, {"t": {"a": 1, "b": 3}}),
        ({"t": {"u": {"a": 1}}}, {"t": {"u": {"b": 2}}}, {"t": {"u": {"a": 1, "b": 2}}}),
        ({"l": [{"name": "x"}, {"name": "y"}]}, {"l": [{"name": "z"}]}, {"l": [{"name": "z"}]}),
        ({"t": {"a": 1}}, {"t": 5}, {"t": 5}),
    ],
)
def test_tables_are_merged_and_the_rest_is_replaced(
    base: dict[str, Any], over: dict[str, Any], found: dict[str, Any]
) -> None:
    assert merged(base, over) == found


def test_a_chain_is_followed(tmp_path: Path) -> None:
    write(
        tmp_path,
        low='name = "low"\nseed = 1\n[fit]\nepochs = 3',
        middle='extends = "low.toml"\n[fit]\npatience = 2',
        high='extends = "middle.toml"\nname = "high"',
    )
    content = read_content(tmp_path / "high.toml", nowhere)
    assert content == {"name": "high", "seed": 1, "fit": {"epochs": 3, "patience": 2}}


def test_what_is_not_beside_it_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    write(tmp_path / "far", base='name = "far"')
    write(tmp_path, own='extends = "base"')
    assert read_content(tmp_path / "own.toml", lambda name: tmp_path / "far" / f"{name}.toml") == {"name": "far"}


def test_a_circle_is_refused(tmp_path: Path) -> None:
    write(tmp_path, a='extends = "b.toml"', b='extends = "a.toml"')
    with pytest.raises(RecipeError, match=r"a\.toml: extends itself, by way of 2 recipes"):
        read_content(tmp_path / "a.toml", nowhere)


def test_a_base_that_is_not_there_or_is_no_name(tmp_path: Path) -> None:
    write(tmp_path, a='extends = "b"', c="extends = 3")
    with pytest.raises(RecipeError, match="b: no such recipe"):
        read_content(tmp_path / "a.toml", nowhere)
    with pytest.raises(RecipeError, match=r"c\.toml: extends: found 3; accepted"):
        read_content(tmp_path / "c.toml", nowhere)


def test_what_is_none_is_left_out() -> None:
    content = {"seed": None, "data": {"label": None, "sources": [{"file": "a", "part": None, "x": {"y": None}}]}}
    assert tomllib.loads(as_toml(content)) == {"data": {"sources": [{"file": "a", "x": {}}]}}


@pytest.mark.parametrize("name", ["tweets", "sample", "gop-debate"])
def test_a_recipe_that_was_written_is_the_same_recipe(name: str, tmp_path: Path) -> None:
    recipe = read_recipe(find_recipe(Path(name)))
    (tmp_path / "recipe.toml").write_text(as_toml(recipe.model_dump(mode="json")), encoding="utf-8")
    assert read_recipe(tmp_path / "recipe.toml") == recipe
