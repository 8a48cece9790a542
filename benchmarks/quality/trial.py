"""A trial: a recipe with something changed, and what was expected of it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.recipe.loading import read_content
from training.recipe.recipe import Recipe, find_recipe

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Trial:
    """A change to a recipe.

    Attributes:
        name: What it is called in the log.
        group: Heading that it stands under.
        expected: Written before it ran.
        base: A recipe in this folder.
        changes: Dotted key -> value, a list's item by its name.
        without: Keys that are gone.
        seeds: Each is a training.
        beside: The trial that it is one change to, where that is not the first of its base.
        concluded: Written after it ran.
        removed: Recipes no longer have the option: it has no recipe and is not run again, its results stay.
    """

    name: str
    group: str
    expected: str
    base: str = "base.toml"
    changes: Mapping[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (1, 2, 3)
    beside: str = ""
    concluded: str = ""
    removed: bool = False

    def recipe(self, seed: int) -> Recipe:
        """The changed recipe.

        Raises:
            ValueError: It is no recipe.
            KeyError: A key leads nowhere.
        """
        content = read_content(FOLDER / self.base, find_recipe)
        for key, value in self.changes.items():
            owner, name = _place(content, key)
            owner[name] = value
        for key in self.without:
            owner, name = _place(content, key)
            del owner[name]
        return Recipe.model_validate({**content, "seed": seed})


def read_trials(path: Path = FOLDER / "trials.toml") -> list[Trial]:
    """The trials in their order.

    Raises:
        ValueError: Two have one name, or one stands beside none of them.
    """
    trials = [_trial(entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["trials"]]
    names = [trial.name for trial in trials]
    if len(set(names)) < len(names):
        raise ValueError(f"{path}: names are {names}; accepted: distinct ones")
    if lost := sorted({trial.beside for trial in trials if trial.beside} - set(names)):
        raise ValueError(f"{path}: beside is {lost}; accepted: names of trials")
    return trials


def _trial(entry: dict[str, Any]) -> Trial:
    lists: dict[str, Any] = {key: tuple(entry.pop(key)) for key in ("without", "seeds") if key in entry}
    return Trial(**entry, **lists)


def _place(content: Any, key: str) -> tuple[Any, Any]:
    """The table or list that holds the key, and its name or number there."""
    *parents, last = key.split(".")
    for part in parents:
        content = content[_number(content, part)] if isinstance(content, list) else content.setdefault(part, {})
    return content, _number(content, last) if isinstance(content, list) else last


def _number(items: list[Any], name: str) -> int:
    return next(number for number, item in enumerate(items) if name == item.get("name"))
