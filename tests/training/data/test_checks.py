import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.training.helpers import distinct_rows, write_csv
from training.console import Display
from training.data.checks import check_fresh, check_sources, check_vectors, note_other_data
from training.data.dataset import load_dataset
from training.errors import DataError, RecipeError
from training.recipe.recipe import Recipe


def test_a_stage_whose_source_has_no_row_in_the_training_part(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "main.csv", [*distinct_rows(20, "a"), *distinct_rows(20, "b", 100)])
    chosen = {"text": [distinct_rows(1, "a")[0][0], distinct_rows(1, "b", 100)[0][0]]}
    gone = {"file": "main.csv", "name": "gone", "part": "test", "where": chosen}
    content: dict[str, Any] = {"name": "x", "data": {"sources": [{"file": "main.csv"}, gone]}}
    staged = [
        Recipe.model_validate({**content, "stages": [{"name": "own", "sources": [name]}]})
        for name in ("main.csv", "gone")
    ]
    dataset = load_dataset([path], staged[0].data, 1)
    check_sources(staged[0], dataset)
    with pytest.raises(DataError, match=r"stage 'own': \['gone'\] have no row in the training part; found: main.csv"):
        check_sources(staged[1], dataset)


def test_a_tokenizer_whose_source_has_no_row_in_the_training_part(tmp_path: Path) -> None:
    paths = [
        write_csv(tmp_path / name, [*distinct_rows(20, "a", i), *distinct_rows(20, "b", i)])
        for i, name in ((0, "m.csv"), (50, "t.csv"))
    ]
    sources = [{"file": "m.csv"}, {"file": "t.csv", "part": "test"}]
    for name, missing in (("m.csv", False), ("t.csv", True)):
        content = {"name": "x", "data": {"sources": sources}, "tokenizer": {"sources": [name]}}
        recipe = Recipe.model_validate(content)
        dataset = load_dataset(paths, recipe.data, 1)
        if missing:
            with pytest.raises(DataError, match=r"tokenizer\.sources: \['t\.csv'\] have no row in the training part"):
                check_sources(recipe, dataset)
        else:
            check_sources(recipe, dataset)


def test_word_vectors_are_there_and_as_long_as_the_embedding(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    content: dict[str, Any] = {"name": "x", "vectors": {"file": str(path)}}
    check_vectors(Recipe(name="x"))
    with pytest.raises(DataError, match="cannot be read: No such file"):
        check_vectors(Recipe.model_validate(content))
    path.write_text("word 1 2\n", encoding="utf-8")
    check_vectors(Recipe.model_validate({**content, "network": {"embedding": 2}}))
    with pytest.raises(DataError, match="found 2 numbers; accepted: 3"):
        check_vectors(Recipe.model_validate({**content, "network": {"embedding": 3}}))


@pytest.mark.parametrize(
    ("found_on", "note"),
    [
        ([], ""),
        (["1", "2"], ""),
        (["1", "3"], "had other data (data.found_on), so its figures say little here: new are weak.csv; 1"),
        (["1", "2", "3"], "new are none; 1 of its files or teachers are not given"),
    ],
)
def test_other_data_than_a_recipe_was_found_on_are_noted(found_on: list[str], note: str) -> None:
    shown = io.StringIO()
    recipe = Recipe.model_validate({"name": "x", "data": {"found_on": found_on}})
    note_other_data(recipe, [("main.csv", "1"), ("weak.csv", "2")], Display(Console(file=shown, width=200)))
    assert bool(shown.getvalue()) == bool(note)
    assert note in shown.getvalue()


def test_a_recipe_that_goes_on_from_a_bundle_is_none_to_compare_by() -> None:
    check_fresh(Recipe(name="x"))
    with pytest.raises(RecipeError, match=r"x: has a \[start\]; accepted: `python -m training fit` for such ones"):
        check_fresh(Recipe.model_validate({"name": "x", "start": {}}))
