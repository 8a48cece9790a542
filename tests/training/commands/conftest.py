"""One bundle for all: trained for real, on the sample."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from training.commands.fit import fit
from training.console import Display
from training.recipe.recipe import read_recipe

SAMPLE = Path(__file__).parents[3] / "data" / "sample.csv"
RECIPE = """
name = "quick"
[tokenizer]
model = "word"
min_frequency = 1
[network]
embedding = 16
lstm = [12]
pooling = ["max"]
[fit]
epochs = 4
batch_size = 32
learning_rate = 1e-2
"""


@pytest.fixture(scope="session")
def sample() -> Path:
    """The labelled file that comes with the project."""
    return SAMPLE


@pytest.fixture
def display() -> Display:
    """One whose output can be read from its console's file."""
    return Display(Console(file=io.StringIO(), width=200))


@pytest.fixture(scope="session")
def quick_recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe of four short epochs."""
    path = tmp_path_factory.mktemp("recipe") / "quick.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def sample_bundle(quick_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `fit` makes by that recipe of the sample; read only."""
    out = tmp_path_factory.mktemp("trained") / "bundle"
    fit(read_recipe(quick_recipe), [SAMPLE], out, Display(Console(quiet=True)))
    return out
