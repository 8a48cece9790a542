"""Stand-ins for a trial's training, which a spawned process can import."""

import os
import time
from pathlib import Path

from training.errors import DataError
from training.recipe.recipe import Recipe


def by_rate(recipe: Recipe) -> float:
    """A score that is the greater the smaller the learning rate."""
    return 1 - recipe.fit.learning_rate


def half() -> float:
    """A score without a training."""
    return 0.5


def refuse() -> float:
    """End as a training does whose data are at fault."""
    raise DataError("no.csv: cannot be read")


def die() -> float:
    """End without a word."""
    os._exit(3)


def wait(begun: Path) -> float:
    """Go on for a minute."""
    begun.touch()
    time.sleep(60)
    return 0.0
