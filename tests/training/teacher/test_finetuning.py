import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.training.fit.helpers import Interruption, equal_weights
from tests.training.teacher.conftest import Tuned
from tests.training.teacher.helpers import teacher_recipe
from training.data.dataset import load_dataset
from training.errors import DataError, RecipeError, ResumeError
from training.fit.checkpoint import STATE
from training.fit.trainer import Trainer
from training.progress import TrainingCallback
from training.recipe.loading import as_toml
from training.recipe.model import TEMPLATES
from training.recipe.recipe import Recipe
from training.teacher.finetuning import TEACHER, Teacher, finetune

SENTIMENTS = {"negative": "rain again", "neutral": "the bus", "positive": "sun and music"}
SILENT = TrainingCallback()
ROOT = Path(__file__).parents[3]


def run(recipe: Recipe, files: list[Path], out: Path, callback: TrainingCallback = SILENT, **choices: Any) -> None:
    finetune(recipe, files, out, callback, **choices)


def weights(folder: Path) -> list[Any]:
    return list(Teacher.read(folder).network.get_weights())


def test_a_teacher_says_what_it_came_from(recipe: Recipe, staged_files: list[Path], tuned: Tuned) -> None:
    info = Teacher.read(tuned.folder).info
    dataset = load_dataset(staged_files, recipe.data, recipe.split_seed)
    assert (info.name, info.labels, info.split) == ("small-teacher", ["a", "b"], dataset.sizes())
    assert [file.file for file in info.data] == ["main.csv"]
    assert Recipe.from_bundle(info.recipe) == recipe
    assert [path.name for path in tuned.folder.iterdir()] == [TEACHER]


def test_it_learns(tuned: Tuned) -> None:
    assert tuned.figures.rows == 12
    assert tuned.figures.macro_recall > 0.8


class BatchCounter(TrainingCallback):
    """Counts the rows of an epoch by its batches."""

    def __init__(self) -> None:
        self.batches = 0

    def on_batch(self, epoch: int, done: int, batches: int, loss: float) -> None:  # noqa: ARG002
        self.batches = batches


def test_only_the_training_part_of_its_sources_is_learned_from(
    recipe: Recipe, staged_files: list[Path], tmp_path: Path
) -> None:
    one_row_a_batch = [{**recipe.stages[0].model_dump(), "epochs": 1, "batch_size": 1}]
    content = {**recipe.model_dump(mode="json"), "stages": one_row_a_batch}
    counted = BatchCounter()
    run(Recipe.model_validate(content), staged_files, tmp_path, counted)
    dataset = load_dataset(staged_files, recipe.data, recipe.split_seed)
    assert counted.batches == len(dataset.train) < 120


def test_templates_need_the_labels_that_they_have(recipe: Recipe, staged_files: list[Path], tmp_path: Path) -> None:
    encoder = {**recipe.model_dump(mode="json")["encoder"], "templates": 20}
    content = {**recipe.model_dump(mode="json"), "encoder": encoder}
    with pytest.raises(DataError, match=r"encoder.templates: unknown labels .*'neutral'.*; accepted: \['a', 'b'\]"):
        run(Recipe.model_validate(content), staged_files, tmp_path)


def test_templates_are_a_source_of_their_own(recipe: Recipe, tmp_path: Path) -> None:
    rows = [f"{words} {number},{label}" for number in range(12) for label, words in SENTIMENTS.items()]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *rows, "The next bus is at nine,neutral"]) + "\n")
    stage = {**recipe.stages[0].model_dump(mode="json"), "epochs": 1, "batch_size": 1, "sources": [TEMPLATES]}
    encoder = {**recipe.model_dump(mode="json")["encoder"], "templates": 25}
    content = {**recipe.model_dump(mode="json"), "encoder": encoder, "data": {}, "stages": [stage]}
    counted = BatchCounter()
    run(Recipe.model_validate(content), [tmp_path / "rows.csv"], tmp_path / "out", counted)
    assert counted.batches == 25
    split = Teacher.read(tmp_path / "out").info.split
    assert sum(split["train"].values()) < 36  # what it says of its data are the rows of files


def test_a_run_interrupted_in_an_epoch_ends_where_an_unbroken_one_does(
    recipe: Recipe, staged_files: list[Path], tuned: Tuned, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(recipe, staged_files, tmp_path, Interruption(1, 3), save_every=0.0)
    assert [path.name for path in tmp_path.iterdir()] == [STATE]
    run(recipe, staged_files, tmp_path, resume=True)
    assert equal_weights(weights(tmp_path), weights(tuned.folder))


@pytest.mark.slow
def test_a_run_killed_by_force_ends_where_an_unbroken_one_does(
    recipe: Recipe, staged_files: list[Path], tuned: Tuned, tmp_path: Path
) -> None:
    out, toml = tmp_path / "out", tmp_path / "recipe.toml"
    toml.write_text(as_toml(recipe.model_dump(mode="json")), encoding="utf-8")
    arguments = [str(toml), "--data", *map(str, staged_files), "--out", str(out)]
    command = [sys.executable, "-m", "training", "finetune", *arguments]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch 1/3"):
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    run(recipe, staged_files, out, resume=True)
    assert equal_weights(weights(out), weights(tuned.folder))


def test_a_state_of_another_encoder_is_not_gone_on_from(
    recipe: Recipe, staged_files: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(recipe, staged_files, out, Interruption(1, 0))
    other = teacher_recipe(tmp_path / "encoder")
    weights_file = tmp_path / "encoder" / "model.safetensors"
    content = bytearray(weights_file.read_bytes())
    content[-1] ^= 1
    weights_file.write_bytes(content)
    with pytest.raises(ResumeError, match=r"differs in .*'encoder'"):
        run(Recipe.model_validate(other), staged_files, out, resume=True)


def test_a_recipe_without_an_encoder_is_not_tuned_and_one_with_it_not_fitted(
    recipe: Recipe, staged_files: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=r"plain: has no \[encoder\]"):
        run(Recipe(name="plain"), staged_files, tmp_path)
    with pytest.raises(RecipeError, match=r"has an \[encoder\]; accepted: `python -m training finetune`"):
        Trainer(recipe, staged_files, tmp_path, TrainingCallback()).run()


def test_a_folder_without_a_teacher_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no teacher; accepted: what `python -m training finetune` wrote"):
        Teacher.read(tmp_path)
