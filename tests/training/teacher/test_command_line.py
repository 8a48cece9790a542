"""`finetune` and `answers` from the command line to a student."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.training.helpers import STAGED
from tests.training.teacher.conftest import Tuned
from training.__main__ import app
from training.data.dataset import load_dataset
from training.data.teacher_file import TeacherFile
from training.fit.trainer import read_inputs
from training.recipe.loading import as_toml
from training.recipe.recipe import Recipe


def write_recipe(path: Path, recipe: Recipe) -> Path:
    path.write_text(as_toml(recipe.model_dump(mode="json")), encoding="utf-8")
    return path


def test_a_recipes_texts_are_answered_and_its_fit_accepts_them(
    tuned: Tuned, staged_files: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "t.npz"
    student = Recipe.model_validate({**STAGED, "stages": [{"name": "own", "teacher_files": [str(out)]}]})
    toml = write_recipe(tmp_path / "student.toml", student)
    arguments = ["answers", toml, "--data", *staged_files, "--teacher", tuned.folder, "--out", out]
    result = CliRunner().invoke(app, [*map(str, arguments)])
    dataset = load_dataset(staged_files, student.data, student.split_seed)
    count = len(dataset.train) + 120
    assert f"{count} of {count} texts, 0 s left" in result.stdout
    assert f"Answers: {count} in" in result.stdout
    assert TeacherFile.read(out).predict(dataset.train.row.tolist())[1].all()
    assert not TeacherFile.read(out).predict(dataset.test.row.tolist())[1].any()
    assert list(read_inputs(student, staged_files, dataset).teachers) == [str(out)]


def test_the_texts_of_another_seed_are_those_of_its_split(
    tuned: Tuned, staged_files: list[Path], tmp_path: Path
) -> None:
    student = Recipe.model_validate(STAGED)
    toml, out = write_recipe(tmp_path / "student.toml", student), tmp_path / "t.npz"
    arguments = ["answers", toml, "--data", *staged_files, "--teacher", tuned.folder, "--out", out, "--seed", 2]
    assert CliRunner().invoke(app, [*map(str, arguments)]).exit_code == 0
    dataset = load_dataset(staged_files, student.data, 2)
    assert TeacherFile.read(out).predict(dataset.train.row.tolist())[1].all()
    assert not TeacherFile.read(out).predict(dataset.test.row.tolist())[1].any()


def test_an_interrupted_tuning_tells_the_way_on(
    recipe: Recipe, staged_files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.teacher import finetuning

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(finetuning, "finetune", interrupt)
    toml = write_recipe(tmp_path / "teacher.toml", recipe)
    arguments = ["finetune", str(toml), "--data", *map(str, staged_files), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 130
    assert "The same command with --resume continues" in result.stdout
