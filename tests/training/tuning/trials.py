"""A recipe to search, and stand-ins for a trial's training, which a spawned process can import."""

import os
import time
from pathlib import Path
from typing import Any

from training.errors import DataError
from training.recipe.recipe import Recipe

RANGES = {"fit.learning_rate": {"low": 1e-4, "high": 1e-1, "log": True}, "network.embedding": {"choices": [4, 8]}}
CONTENT: dict[str, Any] = {
    "name": "tiny",
    "data": {"validation": 0.25, "test": 0.25},
    "tokenizer": {"model": "word", "min_frequency": 1},
    "network": {"embedding": 8, "lstm": [4]},
    "fit": {"epochs": 2},
    "tune": {"trials": 4, "ranges": RANGES},
}


def recipe(**tune: Any) -> Recipe:
    return Recipe.model_validate({**CONTENT, "tune": {**CONTENT["tune"], **tune}})


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
