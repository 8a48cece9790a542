"""Fixtures that tests of several packages of training share."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.training.helpers import STAGED, write_staged_files

if TYPE_CHECKING:
    from training.fit.trainer import Trained


@pytest.fixture(scope="session")
def staged_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The data files of the recipe `STAGED`; read only."""
    return write_staged_files(tmp_path_factory.mktemp("staged"))


@pytest.fixture(scope="session")
def staged_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `staged_run` keeps the body of its first stage."""
    return tmp_path_factory.mktemp("staged_cache")


@pytest.fixture(scope="session")
def staged_run(staged_files: list[Path], staged_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> "Trained":
    """What training by `STAGED` gives; not to be changed."""
    # Here, so that tests which train nothing do not wait for TensorFlow.
    from training.fit.trainer import Trainer
    from training.progress import TrainingCallback
    from training.recipe.recipe import Recipe

    work = tmp_path_factory.mktemp("staged_run")
    return Trainer(Recipe.model_validate(STAGED), staged_files, work, TrainingCallback(), staged_cache).run()
