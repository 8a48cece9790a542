import tomllib
from pathlib import Path
from typing import Any

import pytest

from training.recipe.recipe import find_recipe, read_recipe
from training.recipe.toml_writer import as_toml


@pytest.mark.parametrize(
    "content",
    [
        {"name": 'a "quoted" \\ name\n\x01\x7f 😀', "empty": "", "yes": True, "no": False},
        {"small": 1e-05, "large": 1e22, "whole": 3, "float": 3.0, "none_of_these": []},
        {"names": ["a", "b"], "nested": [[1, 2], [3]], "after": 1},
        {"data": {"text": "t", "rename": {"Not A Key": "x", "ok-key": "y", "": "z"}}, "top": 1},
        {"data": {"sources": [{"file": "a", "where": {"split": ["x", "y"]}, "where_not": {}}, {"file": "b"}], "b": 2}},
        {"stages": [{"name": "one", "weights": {"a b": 0.5}}], "fit": {}},
    ],
)
def test_it_is_read_back(content: dict[str, Any]) -> None:
    assert tomllib.loads(as_toml(content)) == content


def test_what_is_none_is_left_out() -> None:
    content = {"seed": None, "data": {"label": None, "sources": [{"file": "a", "part": None, "x": {"y": None}}]}}
    assert tomllib.loads(as_toml(content)) == {"data": {"sources": [{"file": "a", "x": {}}]}}


@pytest.mark.parametrize("name", ["tweets", "sample", "gop-debate"])
def test_a_recipe_that_was_written_is_the_same_recipe(name: str, tmp_path: Path) -> None:
    recipe = read_recipe(find_recipe(Path(name)))
    (tmp_path / "recipe.toml").write_text(as_toml(recipe.model_dump(mode="json")), encoding="utf-8")
    assert read_recipe(tmp_path / "recipe.toml") == recipe
