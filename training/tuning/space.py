"""Search space: the knobs of a recipe that a search varies, and the recipes that their values make."""

import json
from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import optuna
from pydantic import ValidationError

from training.errors import RecipeError
from training.recipe.base import ConfigSection
from training.recipe.data import Source
from training.recipe.model import NetworkConfig, TokenizerConfig
from training.recipe.recipe import Recipe, describe_faults, recipes_with_ranges
from training.recipe.search import Range
from training.recipe.stages import FitConfig, Stage

Values = dict[str, Any]

# `keep`: the best epoch's figure is the greatest of several, the last one's is not, so they do not compare.
_NOT_SEARCHED = {"name", "seed", "weights", "class_weights", "group_balances", "teachers", "keep"}


@dataclass(frozen=True, slots=True)
class Knob:
    """One value of a recipe.

    Args:
        key: Its name in `[tune.ranges]`.
        path: The keys and places that lead to it in a dumped recipe.
        kind: Its type in JSON Schema.
    """

    key: str
    path: tuple[str | int, ...]
    kind: str

    def read(self, content: Any) -> Any:
        """Its value in a dumped recipe."""
        for part in self.path:
            content = content[part]
        return content

    def write(self, content: Any, value: Any) -> None:
        """Set its value in a dumped recipe."""
        for part in self.path[:-1]:
            content = content[part]
        content[self.path[-1]] = value


class Dimension:
    """A knob and the values that a search may give it.

    Args:
        knob: The knob.
        limits: Its range.

    Raises:
        RecipeError: The range is not of the knob's type.
    """

    def __init__(self, knob: Knob, limits: Range) -> None:
        self.knob, self.limits = knob, limits
        if limits.choices is None:
            self._check_numbers()

    @property
    def ends(self) -> list[Any]:
        """Every choice, or the lowest and the highest number."""
        return [self._typed(value) for value in self.limits.choices or (self.limits.low, self.limits.high)]

    def suggest(self, trial: optuna.trial.BaseTrial) -> Any:
        """The knob's value in a trial of Optuna's."""
        key, limits = self.knob.key, self.limits
        if limits.choices is not None:
            return json.loads(trial.suggest_categorical(key, [self.param(value) for value in self.ends]))
        low, high = self.ends
        if self.knob.kind == "integer":
            return trial.suggest_int(key, low, high, step=int(limits.step or 1), log=limits.log)
        return trial.suggest_float(key, low, high, step=limits.step, log=limits.log)

    def contains(self, value: Any) -> bool:
        """Whether the range has this value."""
        if self.limits.choices is not None:
            return self.param(value) in map(self.param, self.ends)
        low, high = self.ends
        steps = (value - low) / self.limits.step if self.limits.step else 0.0
        return bool(low <= value <= high and abs(steps - round(steps)) < 1e-8)

    def param(self, value: Any) -> Any:
        """The knob's value as Optuna keeps it: a choice as JSON, since it may be a list."""
        return value if self.limits.choices is None else json.dumps(value, default=str)

    def _typed(self, value: Any) -> Any:
        """A number as the knob's type has it: 1 as 1.0 where that is what a recipe makes of it."""
        if self.knob.kind == "number" and type(value) is int:
            return float(value)
        return int(value) if self.knob.kind == "integer" and self.limits.choices is None else value

    def _check_numbers(self) -> None:
        where, numbers = f"tune.ranges.{self.knob.key}", (self.limits.low, self.limits.high, self.limits.step)
        if self.knob.kind not in ("integer", "number"):
            raise RecipeError(f"{where}: found low and high, but its values are no numbers; accepted: choices")
        if self.knob.kind == "integer" and any(number and not number.is_integer() for number in numbers):
            shown = ", ".join(f"{number:g}" for number in numbers if number is not None)
            raise RecipeError(f"{where}: found {shown}; accepted: whole numbers")


class SearchSpace:
    """The dimensions of a search.

    Args:
        recipe: A recipe with `[tune.ranges]`.

    Raises:
        RecipeError: A key cannot be searched, or a range is not of its knob's type, lacks the recipe's own value, or
            has an end that makes no valid recipe, alone or with an end of another range.
    """

    def __init__(self, recipe: Recipe) -> None:
        if recipe.tune is None:
            raise RecipeError(
                'tune.ranges: missing; accepted: knob = range, as in "fit.epochs" = { low = 1, high = 9 }; recipes '
                f"that have some: {', '.join(recipes_with_ranges())}"
            )
        self.tune = recipe.tune
        self._base = recipe.model_dump(exclude={"tune"})
        self.dimensions = {
            key: Dimension(searchable_knob(recipe, key), limits) for key, limits in self.tune.ranges.items()
        }
        self._check_ends()
        self._check_start()

    @property
    def start(self) -> Values:
        """The knobs' values in the recipe as it stands."""
        return {key: dimension.knob.read(self._base) for key, dimension in self.dimensions.items()}

    @property
    def start_params(self) -> Values:
        """The same as Optuna keeps them."""
        return {key: self.dimensions[key].param(value) for key, value in self.start.items()}

    def suggest(self, trial: optuna.trial.BaseTrial) -> Values:
        """The knobs' values in a trial of Optuna's, be it new or finished."""
        return {key: dimension.suggest(trial) for key, dimension in self.dimensions.items()}

    def recipe(self, values: Mapping[str, Any]) -> Recipe:
        """The recipe with these values and without `[tune]`. Raises RecipeError where they do not go together."""
        content = deepcopy(self._base)
        for key, value in values.items():
            self.dimensions[key].knob.write(content, value)
        try:
            return Recipe.model_validate(content)
        except ValidationError as error:
            shown = " with ".join(f"{key} = {value!r}" for key, value in values.items())
            raise RecipeError(
                f"tune.ranges: found {shown}, which is no valid recipe: {describe_faults(error)}"
            ) from error

    def _check_ends(self) -> None:
        ends = [(key, value) for key, dimension in self.dimensions.items() for value in dimension.ends]
        for key, value in ends:
            self.recipe({key: value})
        for (key, value), (other, second) in combinations(ends, 2):  # no rule of a recipe is about more than two knobs
            if key != other:
                self.recipe({key: value, other: second})

    def _check_start(self) -> None:
        for key, value in self.start.items():
            if not self.dimensions[key].contains(value):
                raise RecipeError(
                    f"tune.ranges.{key}: does not hold {value!r}, the recipe's own value, which the first trial uses; "
                    "accepted: a range with it"
                )


def searchable_knob(recipe: Recipe, key: str) -> Knob:
    """The knob of this key. Raises RecipeError where it is none, or none that figures could be compared over."""
    knobs = {knob.key: knob for knob in _knobs(recipe)}
    if key not in knobs:
        raise RecipeError(f"tune.ranges: found {key!r}; accepted: {_accepted_keys(recipe, key, list(knobs))}")
    return knobs[key]


def _knobs(recipe: Recipe) -> Iterator[Knob]:
    yield from _section_knobs("tokenizer", TokenizerConfig, ("tokenizer",))
    # Word vectors are as long as they are.
    yield from _section_knobs("network", NetworkConfig, ("network",), {"embedding"} if recipe.vectors else ())
    if not recipe.stages:  # where there are some, each has its own copy of `[fit]`, which is what counts
        yield from _section_knobs("fit", FitConfig, ("fit",), _NOT_SEARCHED)
    for place, stage in enumerate(recipe.stages):
        yield from _section_knobs(f"stages.{stage.name}", Stage, ("stages", place), _NOT_SEARCHED)
    # Of the data only what leaves the validation part as it is: the trials are measured on it.
    others = Source.model_fields.keys() - {"weight"}
    keys = [source.key for source in recipe.data.sources]
    for place, name in enumerate(keys):
        if keys.count(name) == 1:
            yield from _section_knobs(f"data.sources.{name}", Source, ("data", "sources", place), others)


def _section_knobs(
    prefix: str, section: type[ConfigSection], path: tuple[str | int, ...], excluded: Collection[str] = ()
) -> Iterator[Knob]:
    for name, schema in section.model_json_schema()["properties"].items():
        if name not in excluded:
            yield Knob(f"{prefix}.{name}", (*path, name), schema.get("type", "string"))


def _accepted_keys(recipe: Recipe, key: str, known: list[str]) -> str:
    """The knobs beside the one that was meant; where its section is unknown, the sections."""
    section, _, name = key.rpartition(".")
    if section == "fit" and recipe.stages:
        return ", ".join(f"stages.{stage.name}.{name}" for stage in recipe.stages)
    beside = [other for other in known if other.rpartition(".")[0] == section]
    return ", ".join(beside or dict.fromkeys(f"{other.rpartition('.')[0]}.KEY" for other in known))
