"""One tuned encoder for all: of the labelled rows of `STAGED`."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.training.teacher.helpers import teacher_recipe
from training.evaluation.metrics import Figures
from training.progress import TrainingCallback
from training.recipe.recipe import Recipe
from training.teacher.finetuning import finetune


@dataclass(frozen=True)
class Tuned:
    """A teacher's folder, read only, and the figures of its validation part."""

    folder: Path
    figures: Figures


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """A recipe whose encoder is there."""
    return Recipe.model_validate(teacher_recipe(tmp_path_factory.mktemp("encoder")))


@pytest.fixture(scope="session")
def tuned(recipe: Recipe, staged_files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """What `finetune` makes by that recipe."""
    folder = tmp_path_factory.mktemp("teacher") / "out"
    return Tuned(folder, finetune(recipe, staged_files, folder, TrainingCallback()))
