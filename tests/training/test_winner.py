import tomllib
from pathlib import Path

import pytest

from training.errors import PublishError
from training.recipe import Recipe, find_recipe, read_recipe
from training.study import Trial
from training.winner import HEADER, Winner

TRIALS = [
    Trial(0, {"fit.epochs": 5, "fit.learning_rate": 1e-3}, 0.6, 1.0),
    Trial(2, {"fit.epochs": 7, "fit.learning_rate": 1e-3}, 0.65, 1.0),
]


@pytest.mark.parametrize("name", ["gop-debate", "semeval-2016"])
def test_it_is_read_back_as_the_same_recipe(name: str, tmp_path: Path) -> None:
    recipe = read_recipe(find_recipe(Path(name)))
    Winner(tmp_path / "new" / "w.toml", []).write(recipe, TRIALS)
    assert read_recipe(tmp_path / "new" / "w.toml") == recipe
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["w.toml"]


def test_its_head_says_where_it_is_from(tmp_path: Path) -> None:
    winner = Winner(tmp_path / "w.toml", ["data: a\n= 1.csv, sha256 12", "libraries: keras 3"])
    winner.write(Recipe(name="x"), TRIALS)
    text = winner.path.read_text(encoding="utf-8")
    assert text.splitlines()[:6] == [
        HEADER,
        "# trial 2, the best of 2 on the validation part: macro recall 0.6500, where the recipe as it stood has 0.6000",
        "# changed: fit.epochs = 7",
        "# data: a?= 1.csv, sha256 12",
        "# libraries: keras 3",
        "",
    ]
    assert tomllib.loads(text)["seed"] == 1


def test_only_a_winner_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "w.toml"
    Winner(path, []).write(Recipe(name="x"), TRIALS)
    Winner(path, []).write(Recipe(name="y"), TRIALS)
    assert read_recipe(path).name == "y"
    with path.open("a", encoding="utf-8") as file:
        file.write('\n[tune.ranges]\n"fit.epochs" = { low = 1, high = 30 }\n')
    with pytest.raises(PublishError, match="is not the winner of a search; accepted: a new file"):
        Winner(path, [])


def test_another_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match=r"--out: found .*w\.csv; accepted: a file that ends in \.toml"):
        Winner(tmp_path / "w.csv", [])
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(PublishError, match="is not the winner of a search"):
        Winner(tmp_path / "folder.toml", [])
    (tmp_path / "file").touch()
    with pytest.raises(PublishError, match="cannot be written"):
        Winner(tmp_path / "file" / "w.toml", []).write(Recipe(name="x"), TRIALS)
