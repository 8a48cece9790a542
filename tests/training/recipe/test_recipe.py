from pathlib import Path

import pytest

from training.errors import RecipeError
from training.recipe.loading import as_toml
from training.recipe.recipe import Recipe, knob_table, read_recipe

RECIPES = sorted((Path(__file__).parents[3] / "training/recipes").glob("*.toml"))


def written(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_our_own_recipes_are_valid(path: Path) -> None:
    assert read_recipe(path).name == path.stem


def test_the_tutorials_task() -> None:
    (path,) = (path for path in RECIPES if path.stem == "gop-debate")
    recipe = read_recipe(path)
    assert (recipe.data.text, recipe.data.label, len(recipe.data.labels)) == ("text", "sentiment", 3)
    assert (recipe.network.embedding, recipe.network.lstm) == (128, [196, 128])
    assert recipe.network.spatial_dropout > 0


def test_defaults_are_a_recipe(tmp_path: Path) -> None:
    assert read_recipe(written(tmp_path, 'name = "x"')) == Recipe(name="x")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "name: missing"),
        ('name = ""', "name: found ''"),
        ('name = "x"\nepochs = 3', "epochs: unknown key; accepted: name, description, seed"),
        ('name = "x"\n[fit]\nepoch = 3', "fit.epoch: unknown key; accepted: epochs, patience"),
        ('name = "x"\n[fit]\nepochs = "3"', "fit.epochs: found '3'; Input should be a valid integer"),
        ('name = "x"\n[fit]\nepochs = 0', "fit.epochs: found 0; Input should be greater than or equal to 1"),
        ('name = "x"\n[fit]\nlearning_rate = 2', "fit.learning_rate: found 2"),
        ('name = "x"\n[network]\nlstm = [0]', "network.lstm.0: found 0"),
        ('name = "x"\n[network]\nlstm = []', "network.lstm: found []"),
        ('name = "x"\n[network]\npooling = ["mean"]', "network.pooling.0: found 'mean'; Input should be 'last', 'max'"),
        ('name = "x"\n[network]\npooling = ["last", "max"]', "'last' alone"),
        ('name = "x"\n[network]\npooling = ["max", "max"]', "each of them once"),
        ('name = "x"\n[network]\nmasked = false', "network.masked = false needs tokenizer.fixed_length = true"),
        ('name = "x"\n[tokenizer]\nfixed_length = true', "needs network.masked = false"),
        ('name = "x"\n[tokenizer]\npad_side = "left"', "needs fixed_length = true"),
        ('name = "x"\n[tokenizer]\nstemming = "lemmatize"', "cannot hold; accepted: 'none', 'plural', 'snowball'"),
        ('name = "x"\n[tokenizer]\nstemming = "plural"\nlowercase = false', "'plural' needs lowercase = true"),
        ('name = "x"\n[vectors]\nwords = 9', "vectors.file: missing"),
        ('name = "x"\n[vectors]\nfile = "v"\npath = "v"', "vectors.path: unknown key; accepted: file, words, about"),
        ('name = "x"\n[data]\nvalidation = 0.5\ntest = 0.5', "validation + test is 1; accepted: less than 1"),
        ('name = "x"\n[data]\nlabels = ["a", "A"]', "accepted: distinct ones, not only in case"),
        ('name = "x"\n[[data.sources]]\nfiles = "a"', "data.sources.0.files: unknown key; accepted: file, name, text"),
    ],
)
def test_a_bad_key_is_named_with_what_was_found_and_what_is_accepted(tmp_path: Path, content: str, fault: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(RecipeError) as caught:
        read_recipe(path)
    assert str(caught.value).startswith(str(path))
    assert fault in str(caught.value)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"fit\.epochs.*; fit\.batch_size"):
        read_recipe(written(tmp_path, 'name = "x"\n[fit]\nepochs = 0\nbatch_size = 0'))


def test_what_is_no_toml(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is not TOML in UTF-8"):
        read_recipe(written(tmp_path, "name ="))
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipe(tmp_path / "missing.toml")


@pytest.mark.parametrize("content", ['name = "x"\ndata = 3', 'name = "x"\n[data]\nsources = ["a"]'])
def test_flags_on_a_recipe_that_is_wrong(tmp_path: Path, content: str) -> None:
    with pytest.raises(RecipeError, match="data"):
        read_recipe(written(tmp_path, content), data={"text": "tweet"})


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert read_recipe(written(tmp_path, '\ufeffname = "x"')).name == "x"


def test_flags_replace_keys_of_the_recipe_and_of_its_sources(tmp_path: Path) -> None:
    path = written(tmp_path, 'name = "x"\n[[data.sources]]\nfile = "a.csv"\ntext = "t"\nlabel = "l"')
    recipe = read_recipe(path, seed=7, data={"text": "tweet"})
    assert (recipe.seed, recipe.data.text, recipe.data.label) == (7, "tweet", "label")
    assert (recipe.data.sources[0].text, recipe.data.sources[0].label) == (None, "l")


def test_flags_leave_the_columns_of_other_tasks(tmp_path: Path) -> None:
    sources = '[[data.sources]]\nfile = "a.csv"\n[[data.sources]]\nfile = "w.csv"\ntask = "t"\nlabel = "emoji"'
    path = written(tmp_path, f'name = "x"\n[data]\ntext = "t"\n{sources}')
    recipe = read_recipe(path, data={"text": "tweet", "label": "mood"})
    assert [(source.text, source.label) for source in recipe.data.sources] == [(None, None), ("t", "emoji")]
    assert (recipe.data.text, recipe.data.label) == ("tweet", "mood")


@pytest.mark.parametrize(("split_seed", "expected"), [(None, 3), (7, 7), (0, 0)])
def test_the_split_has_a_seed_of_its_own_where_the_recipe_says_one(split_seed: int | None, expected: int) -> None:
    data = {"split_seed": split_seed}
    assert Recipe.model_validate({"name": "x", "seed": 3, "data": data}).split_seed == expected


@pytest.mark.parametrize(
    ("split", "seed", "expected"), [("", None, "1"), ("", 7, "7"), ("data.split_seed = 0", 7, "0")]
)
def test_a_file_of_answers_may_be_named_by_the_seed_of_the_split(
    tmp_path: Path, split: str, seed: int | None, expected: str
) -> None:
    stage = '[[stages]]\nname = "a"\nteacher_files = ["t-{seed}.npz", "u.npz"]'
    path = written(tmp_path, f'name = "x"\n{split}\n{stage}')
    assert read_recipe(path, seed=seed).schedule[0].teacher_files == [f"t-{expected}.npz", "u.npz"]


@pytest.mark.parametrize("section", ["", "fit", "network", "data"])
def test_keys_of_older_versions_are_passed_over_in_a_bundle_and_refused_in_a_file(tmp_path: Path, section: str) -> None:
    recipe = Recipe.model_validate(
        {"name": "x", "fit": {"epochs": 4}, "stages": [{"name": "a"}, {"name": "b", "epochs": 2}]}
    )
    content = recipe.model_dump(mode="json")
    (content[section] if section else content)["r_drop"] = 1.0
    assert Recipe.from_bundle(content) == recipe
    with pytest.raises(RecipeError, match=r"r_drop: unknown key; accepted"):
        read_recipe(written(tmp_path, as_toml(content)))


def test_every_knob_has_its_meaning_and_range() -> None:
    rows = [line.split(" | ") for line in knob_table().splitlines()[2:]]
    knobs = {row[0].strip("| `"): row for row in rows}
    assert len(knobs) > 45
    assert all(len(row) == 4 and len(row[3]) > 8 for row in rows)
    assert knobs["fit.epochs"][1:3] == ["integer 1 to 1000", "`10`"]
    assert knobs["network.dropout"][1] == "number 0 to 1 (not itself)"
    assert knobs["tokenizer.model"][1] == "`word`, `bpe`"
    assert knobs["network.lstm"][1] == "list of integer 1 to 1024"
    assert knobs["name"][2] == "required"
    assert knobs["data.header"][1] == "`auto`, `true`, `false`"
    assert "`NA`" in knobs["data.missing"][2] or "'NA'" in knobs["data.missing"][2]
    assert knobs["extends"][3].startswith("name or path of a recipe")
