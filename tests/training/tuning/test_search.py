"""The search with a made-up objective."""

import io
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from serving.model.bundle import sha256
from tests.training.tuning.trials import RANGES, by_rate, recipe
from training.__main__ import app
from training.console import Display, as_rich
from training.errors import DataError, PublishError, RecipeError, ResumeError
from training.fit.trainer import Trainer
from training.model.backend import library_versions
from training.recipe.loading import as_toml
from training.recipe.model import WordVectorsConfig
from training.recipe.recipe import Recipe, find_recipe, read_recipe
from training.tuning.objective import ValidationRecall
from training.tuning.search import (
    HEADER,
    Objective,
    Search,
    Trial,
    best_trial,
    changes,
    check_best_recipe,
    leaderboard,
    progress_line,
    write_best_recipe,
)
from training.tuning.storage import open_study

START = {"fit.epochs": 5, "fit.learning_rate": 1e-3, "network.lstm": [128]}


def trial(number: int, score: float, seconds: float = 30.0, **changed: object) -> Trial:
    return Trial(number, START | {f"fit.{key}": value for key, value in changed.items()}, score, seconds)


def test_of_equal_ones_the_first_is_the_best() -> None:
    trials = [trial(0, 0.5), trial(1, 0.7), trial(2, 0.7)]
    assert best_trial(trials) is trials[1]


def test_what_was_changed() -> None:
    assert changes(START | {"fit.learning_rate": 0.00123456, "network.lstm": [8, 8]}, START) == (
        "fit.learning_rate = 0.001235, network.lstm = [8, 8]"
    )
    assert changes(START, START) == "nothing"


def test_a_line_for_the_last_trial() -> None:
    trials = [trial(0, 0.5, 20), trial(2, 0.61234, 40, epochs=7)]
    line = "2/6  trial 2  macro recall 0.6123  best  40 s, about 2 min left  fit.epochs = 7"
    assert progress_line(trials, trials[1], 6, START) == line
    assert "about 60 s left" in progress_line(trials, trials[1], 6, START, machines=2)
    trials.append(trial(3, 0.6, 3, epochs=6))
    assert progress_line(trials, trials[2], 3, START) == (
        "3/3  trial 3  macro recall 0.6000  3 s, about 0 s left  fit.epochs = 6"
    )


def test_the_table_has_the_best_ten() -> None:
    trials = [trial(number, number / 100, epochs=5 + number) for number in range(12)]
    console = Console(file=io.StringIO(), width=100)
    console.print(as_rich(leaderboard(trials, START)))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert lines[0].strip() == "Best of 12 trials, on the validation part"
    rows = [line for line in lines if "fit.epochs" in line]
    assert len(rows) == 10
    assert "0.1100" in rows[0]
    assert "fit.epochs = 16" in rows[0]


TRIALS = [trial(0, 0.6), trial(2, 0.65, epochs=7)]


@pytest.mark.parametrize("name", ["gop-debate", "semeval-2016"])
def test_the_best_recipe_is_read_back_as_the_same_recipe(name: str, tmp_path: Path) -> None:
    recipe = read_recipe(find_recipe(Path(name)))
    write_best_recipe(tmp_path / "new" / "b.toml", recipe, TRIALS, START, [])
    assert read_recipe(tmp_path / "new" / "b.toml") == recipe
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["b.toml"]


def test_its_head_says_where_it_is_from(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    write_best_recipe(path, Recipe(name="x"), TRIALS, START, ["data: a\n= 1.csv, sha256 12", "libraries: keras 3"])
    text = path.read_text(encoding="utf-8")
    assert text.splitlines()[:6] == [
        HEADER,
        "# trial 2, the best of 2 on the validation part: macro recall 0.6500, where the recipe as it stood has 0.6000",
        "# changed: fit.epochs = 7",
        "# data: a?= 1.csv, sha256 12",
        "# libraries: keras 3",
        "",
    ]
    assert tomllib.loads(text)["seed"] == 1
    write_best_recipe(path, Recipe(name="x"), TRIALS[1:], START, [])
    assert "0.6500, where the recipe as it stood has no figure yet\n" in path.read_text(encoding="utf-8")


def test_only_a_best_recipe_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    for name in ("x", "y"):
        check_best_recipe(path)
        write_best_recipe(path, Recipe(name=name), TRIALS, START, [])
    assert read_recipe(path).name == "y"
    with path.open("a", encoding="utf-8") as file:
        file.write('\n[tune.ranges]\n"fit.epochs" = { low = 1, high = 30 }\n')
    with pytest.raises(PublishError, match="is not the best recipe of a search; accepted: a new file"):
        check_best_recipe(path)


def test_another_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match=r"--out: found .*b\.csv; accepted: a file that ends in \.toml"):
        check_best_recipe(tmp_path / "b.csv")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(PublishError, match="is not the best recipe of a search"):
        check_best_recipe(tmp_path / "folder.toml")
    (tmp_path / "file").touch()
    with pytest.raises(PublishError, match="cannot be written"):
        write_best_recipe(tmp_path / "file" / "b.toml", Recipe(name="x"), TRIALS, START, [])


ROOT = Path(__file__).parents[3]


def recorded() -> tuple[list[Recipe], Objective]:
    tried: list[Recipe] = []

    def objective(chosen: Recipe) -> float:
        tried.append(chosen)
        return by_rate(chosen)

    return tried, objective


def search(data: Path, chosen: Recipe | None = None, objective: Objective = by_rate) -> Search:
    display = Display(Console(file=io.StringIO(), width=200))
    return Search(chosen or recipe(), [data], data.parent / "b.toml", data.parent / "s.sqlite", display, objective)


def shown(search: Search) -> str:
    assert isinstance(search.display.console.file, io.StringIO)
    return search.display.console.file.getvalue()


def best_recipe(data: Path) -> Recipe:
    """The best one, but for the data that it was found on."""
    best = read_recipe(data.parent / "b.toml")
    best.data.found_on.clear()
    return best


def test_the_best_recipe_is_the_recipe_of_the_best_trial(data: Path) -> None:
    tried, objective = recorded()
    found = search(data, objective=objective)
    best = found.run()
    assert len(tried) == 4
    assert tried[0] == recipe().model_copy(update={"tune": None})
    assert read_recipe(data.parent / "b.toml").data.found_on == [sha256(data)]
    assert best_recipe(data) == max(tried, key=by_rate)
    assert best.score == by_rate(best_recipe(data))
    head = (data.parent / "b.toml").read_text(encoding="utf-8").partition("\n\n")[0]
    assert "# data: d.csv, 32 rows, sha256 " in head
    assert f"keras {library_versions()['keras']}" in head
    assert "optuna 5" in head
    assert "1/4  trial 0  macro recall 0.9990  best" in shown(found)
    assert "Best of 4 trials" in shown(found)


def test_a_search_goes_on_up_to_more_trials(data: Path) -> None:
    first = search(data).run(trials=2)
    tried, objective = recorded()
    last = search(data, recipe(trials=9), objective).run(trials=5)
    assert len(tried) == 3
    assert last.score >= first.score


def test_no_trial_begins_after_the_time_but_the_first(data: Path) -> None:
    found = search(data)
    assert found.run(minutes=0).number == 0
    assert "1/4" in shown(found)
    assert "2/4" not in shown(found)


def test_values_that_were_tried_are_not_trained_again(data: Path) -> None:
    tried: list[int] = []

    def objective(chosen: Recipe) -> float:
        tried.append(chosen.network.embedding)
        return 0.5

    chosen = recipe(trials=6, ranges={"network.embedding": {"choices": [4, 8]}})
    assert search(data, chosen, objective).run().number == 0
    assert sorted(tried) == [4, 8]


def test_several_seeds_are_tried_on_one_split(data: Path) -> None:
    tried: list[Recipe] = []

    def objective(chosen: Recipe) -> float:
        tried.append(chosen)
        return chosen.seed / 10

    best = search(data, recipe(seeds=3), objective).run(trials=1)
    assert [(chosen.seed, chosen.split_seed) for chosen in tried] == [(1, 1), (2, 1), (3, 1)]
    assert best.score == pytest.approx(0.2)
    assert "# figures: means of 3 seeds from 1 on" in (data.parent / "b.toml").read_text(encoding="utf-8")
    assert best_recipe(data) == tried[0]


def test_a_training_by_the_best_recipe_ends_at_the_figure_of_the_search(data: Path) -> None:
    """Also where its last stage keeps the last epoch, which is not the best. The first stage is kept for others."""
    last = {"name": "two", "keep": "last", "epochs": 3, "learning_rate": 0.5}
    ranges = {"stages.two.learning_rate": {"low": 1e-3, "high": 1, "log": True}}
    content = {**recipe(ranges=ranges | RANGES).model_dump(), "stages": [{"name": "one", "epochs": 1}, last]}
    content["tune"]["ranges"].pop("fit.learning_rate")
    cache = data.parent / "cache"
    best = search(data, Recipe.model_validate(content), ValidationRecall([data], cache)).run(trials=1)
    assert len(list(cache.iterdir())) == 1
    shown = io.StringIO()
    again, display = read_recipe(data.parent / "b.toml"), Display(Console(file=shown, width=200))
    epochs = Trainer(again, [data], data.parent / "work", display).run().history["two"]
    assert epochs[-1].macro_recall == best.score
    assert "had other data" not in shown.getvalue()


def test_an_interrupted_search_tries_what_an_uninterrupted_one_does(data: Path, tmp_path: Path) -> None:
    """Past the ten trials at random, so that what the sampler knows is the same too."""
    expected, objective = recorded()
    search(data, objective=objective).run(trials=13)
    (tmp_path / "s.sqlite").unlink()
    tried: list[Recipe] = []

    def interrupted(chosen: Recipe) -> float:
        if len(tried) in stops:
            stops.remove(len(tried))
            raise KeyboardInterrupt
        tried.append(chosen)
        return by_rate(chosen)

    stops = {0, 4, 12}
    while stops:
        with pytest.raises(KeyboardInterrupt):
            search(data, objective=interrupted).run(trials=13)
    search(data, objective=interrupted).run(trials=13)
    assert tried == expected
    others, objective = recorded()
    (tmp_path / "s.sqlite").unlink()
    search(data, recipe().model_copy(update={"seed": 2}), objective).run(trials=4)
    assert [other.fit for other in others[1:]] != [chosen.fit for chosen in expected[1:4]]


def test_what_is_no_study(data: Path, tmp_path: Path) -> None:
    (tmp_path / "s.sqlite").write_text("no study", encoding="utf-8")
    with pytest.raises(ResumeError, match="holds no trials of a search; accepted: a new file"):
        search(data).run()
    with pytest.raises(ResumeError, match="cannot be opened for a search"), open_study(data / "below", "tune", {}):
        pytest.fail("it was opened")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), DataError("d.csv: is gone")])
def test_what_was_finished_is_kept(data: Path, error: BaseException) -> None:
    def objective(chosen: Recipe) -> float:
        if (data.parent / "b.toml").exists():
            raise error
        return by_rate(chosen)

    with pytest.raises(type(error)):
        search(data, objective=objective).run()
    assert best_recipe(data) == recipe().model_copy(update={"tune": None})
    found = search(data)
    found.run()
    assert "1/4" not in shown(found)
    assert "4/4  trial 4" in shown(found)


def test_another_recipe_or_other_data_are_another_search(data: Path) -> None:
    search(data).run(trials=1)
    with pytest.raises(ResumeError, match=r"differs in \['recipe'\]"):
        search(data, recipe(seeds=2)).run()
    with data.open("a", encoding="utf-8") as file:
        file.write("good evening,good\n")
    with pytest.raises(ResumeError, match=r"differs in \['data'\]"):
        search(data).run()


def test_other_vectors_are_another_search(data: Path) -> None:
    vectors = data.parent / "v.txt"
    vectors.write_text(f"good{' 0.5' * 8}\n", encoding="utf-8")
    rate = {"fit.learning_rate": RANGES["fit.learning_rate"]}
    chosen = recipe(ranges=rate).model_copy(update={"vectors": WordVectorsConfig(file=str(vectors))})
    search(data, chosen).run(trials=1)
    assert f"# word vectors: sha256 {sha256(vectors)}" in (data.parent / "b.toml").read_text(encoding="utf-8")
    assert read_recipe(data.parent / "b.toml").data.found_on == [sha256(data), sha256(vectors)]
    search(data, chosen).run(trials=2)
    vectors.write_text(f"good{' 0.75' * 8}\n", encoding="utf-8")
    with pytest.raises(ResumeError, match=r"differs in \['vectors'\]"):
        search(data, chosen).run()
    vectors.write_text("good 0.5\n", encoding="utf-8")
    with pytest.raises(DataError, match="found 1 numbers; accepted: 8"):
        search(data, chosen)


def test_faults_are_told_before_anything_is_written(data: Path) -> None:
    with pytest.raises(RecipeError, match=r"found 'seed'"):
        search(data, recipe(ranges={"seed": {"low": 1, "high": 2}}))
    with pytest.raises(DataError, match=r"no\.csv: cannot be read"):
        search(data.parent / "no.csv")
    assert [path.name for path in data.parent.iterdir()] == ["d.csv"]


def test_the_command(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def score(self: object, chosen: Recipe) -> float:  # noqa: ARG001
        return by_rate(chosen)

    monkeypatch.setattr(ValidationRecall, "__call__", score)
    (tmp_path / "r.toml").write_text(as_toml(recipe().model_dump(mode="json")), encoding="utf-8")
    arguments = ["tune", tmp_path / "r.toml", "--data", data, "--out", tmp_path / "b.toml", "--seed", 3]
    done = CliRunner().invoke(app, [*map(str, arguments), "--trials", "2"])
    assert done.exit_code == 0
    assert "2/2  trial 1" in done.stdout
    assert (tmp_path / "b.sqlite").is_file()
    assert read_recipe(tmp_path / "b.toml").seed == 3

    shared = ["--storage", f"journal:{tmp_path / 'j.log'}"]
    done = CliRunner().invoke(app, [*map(str, arguments), "--trials", "2", *shared])
    assert done.exit_code == 0
    assert "2/2  trial 1" in done.stdout
    assert (tmp_path / "j.log").is_file()
    both = CliRunner().invoke(app, [*map(str, arguments), *shared, "--study", str(tmp_path / "s.sqlite")])
    assert both.exit_code == 2
    assert "accepted: one of the two" in both.stderr

    def interrupt(self: object, chosen: object) -> float:  # noqa: ARG001
        raise KeyboardInterrupt

    monkeypatch.setattr(ValidationRecall, "__call__", interrupt)
    stopped = CliRunner().invoke(app, [*map(str, arguments), "--trials", "3"])
    assert stopped.exit_code == 130
    assert "Interrupted. Finished trials are in" in stopped.stdout
    assert "the same command continues from there" in stopped.stdout


def test_a_search_killed_by_force_goes_on(data: Path, tmp_path: Path) -> None:
    """Where the kill comes as a trial is going on; the trials are those of a search that nothing stopped."""
    code = f"""
import sys, time
from pathlib import Path
from rich.console import Console
from training.console import Display
from training.recipe.recipe import Recipe
from training.tuning.search import Search
from tests.training.tuning.trials import RANGES, by_rate, recipe
def objective(chosen):
    if Path(sys.argv[1]).exists():
        print("begun", flush=True)
        time.sleep(60)
    return by_rate(chosen)
data = Path({str(data)!r})
recipe, display = Recipe.model_validate({recipe().model_dump()!r}), Display(Console(quiet=True))
Search(recipe, [data], data.parent / "b.toml", data.parent / "s.sqlite", display, objective).run()
"""
    command = [sys.executable, "-c", code, str(tmp_path / "b.toml")]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGKILL)
    killed = search(data).run()
    (tmp_path / "s.sqlite").unlink()
    whole = search(data).run()
    assert (killed.values, killed.score) == (whole.values, whole.score)
