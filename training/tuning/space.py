"""All that a search may try: from values of its knobs to whole recipes."""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import ValidationError

from training.errors import RecipeError
from training.recipe.base import ConfigSection
from training.recipe.data import Source
from training.recipe.model import NetworkConfig, TokenizerConfig
from training.recipe.recipe import Recipe, describe_faults
from training.recipe.search import Range
from training.recipe.stages import FitConfig, Stage

Path = tuple[str | int, ...]

# The best epoch's figure is the greatest of several, the last one's is not: they do not compare.
_NO_KNOBS = {"name", "seed", "weights", "group_balances", "teachers", "keep"}


@dataclass(frozen=True, slots=True)
class Knob:
    """`key`: as `[tune.ranges]` names it; `path`: keys and places that lead to it; `kind`: its type in JSON Schema."""

    key: str
    path: Path
    kind: str

    def read(self, content: Any) -> Any:
        """Its value in a recipe that was dumped."""
        for part in self.path:
            content = content[part]
        return content

    def write(self, content: Any, value: Any) -> None:
        """Set its value in a recipe that was dumped."""
        for part in self.path[:-1]:
            content = content[part]
        content[self.path[-1]] = value


class Axis:
    """Arguments: the knob and its range. Raises RecipeError where the range is not of the knob's type."""

    def __init__(self, knob: Knob, limits: Range) -> None:
        self.knob, self.limits = knob, limits
        if limits.choices is None:
            self._check_numbers()

    @property
    def ends(self) -> list[Any]:
        """Every choice, or the least and the greatest number."""
        return [self._typed(value) for value in self.limits.choices or (self.limits.low, self.limits.high)]

    @property
    def distribution(self) -> BaseDistribution:
        """The values and how likely each is before anything was tried."""
        if self.limits.choices is not None:
            return CategoricalDistribution([self.param(value) for value in self.ends])
        low, high = self.ends
        if self.knob.kind == "integer":
            return IntDistribution(low, high, log=self.limits.log, step=int(self.limits.step or 1))
        return FloatDistribution(low, high, log=self.limits.log, step=self.limits.step)

    def holds(self, value: Any) -> bool:
        """Whether the range has this value."""
        if self.limits.choices is not None:
            return self.param(value) in map(self.param, self.ends)
        low, high = self.ends
        steps = (value - low) / self.limits.step if self.limits.step else 0.0
        return bool(low <= value <= high and abs(steps - round(steps)) < 1e-8)

    def param(self, value: Any) -> Any:
        """The knob's value as Optuna keeps it: a choice as JSON, since it may be a list."""
        return value if self.limits.choices is None else json.dumps(value, default=str)

    def value(self, param: Any) -> Any:
        """The knob's value of what Optuna kept."""
        return param if self.limits.choices is None else json.loads(param)

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
            found = ", ".join(f"{number:g}" for number in numbers if number is not None)
            raise RecipeError(f"{where}: found {found}; accepted: whole numbers")


def searchable_knob(recipe: Recipe, key: str) -> Knob:
    """The knob of this key. Raises RecipeError where it is none, or none that figures could be compared over."""
    knobs = {knob.key: knob for knob in _knobs(recipe)}
    if key not in knobs:
        raise RecipeError(f"tune.ranges: found {key!r}; accepted: {_accepted(recipe, key, list(knobs))}")
    return knobs[key]


def _knobs(recipe: Recipe) -> Iterator[Knob]:
    yield from _of_table("tokenizer", TokenizerConfig, ("tokenizer",))
    # Vectors are as long as they are.
    yield from _of_table("network", NetworkConfig, ("network",), {"embedding"} if recipe.vectors else ())
    if not recipe.stages:  # where there are some, each has its own copy of `[fit]`, which is what counts
        yield from _of_table("fit", FitConfig, ("fit",), _NO_KNOBS)
    for place, stage in enumerate(recipe.stages):
        yield from _of_table(f"stages.{stage.name}", Stage, ("stages", place), _NO_KNOBS)
    # Of the data only what leaves the validation part as it is: the trials are measured on it.
    others = Source.model_fields.keys() - {"weight"}
    keys = [source.key for source in recipe.data.sources]
    for place, name in enumerate(keys):
        if keys.count(name) == 1:
            yield from _of_table(f"data.sources.{name}", Source, ("data", "sources", place), others)


def _of_table(prefix: str, table: type[ConfigSection], path: Path, left_out: Any = ()) -> Iterator[Knob]:
    for name, schema in table.model_json_schema()["properties"].items():
        if name not in left_out:
            yield Knob(f"{prefix}.{name}", (*path, name), schema.get("type", "string"))


def _accepted(recipe: Recipe, key: str, known: list[str]) -> str:
    """The knobs beside the one that was meant; where its table is unknown, the tables."""
    owner = key.rpartition(".")[0]
    if owner == "fit" and recipe.stages:
        return ", ".join(f"stages.{stage.name}.{key.rpartition('.')[2]}" for stage in recipe.stages)
    beside = [name for name in known if name.rpartition(".")[0] == owner]
    return ", ".join(beside or dict.fromkeys(f"{name.rpartition('.')[0]}.KEY" for name in known))


Values = dict[str, Any]


class Space:
    """Argument: a recipe with `[tune.ranges]`.

    Raises RecipeError, naming key, found and accepted, where a key cannot be searched, a range is not of its knob's
    type, lacks the recipe's own value, or has an end that makes no valid recipe, alone or with an end of another.
    """

    def __init__(self, recipe: Recipe) -> None:
        if recipe.tune is None:
            raise RecipeError(
                'tune.ranges: missing; accepted: knob = range, as in "fit.epochs" = { low = 1, high = 9 }'
            )
        self.tune, ranges = recipe.tune, recipe.tune.ranges.items()
        self._base = recipe.model_dump(exclude={"tune"})
        self.axes = {key: Axis(searchable_knob(recipe, key), limits) for key, limits in ranges}
        self._check_ends()
        self._check_start()

    @property
    def start(self) -> Values:
        """The knobs' values in the recipe as it stands."""
        return {key: axis.knob.read(self._base) for key, axis in self.axes.items()}

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """For Optuna, by key."""
        return {key: axis.distribution for key, axis in self.axes.items()}

    def params(self, values: Mapping[str, Any]) -> Values:
        """Values of knobs as Optuna keeps them."""
        return {key: self.axes[key].param(value) for key, value in values.items()}

    def values(self, params: Mapping[str, Any]) -> Values:
        """What Optuna kept as values of knobs, in the recipe's order of the ranges."""
        return {key: axis.value(params[key]) for key, axis in self.axes.items() if key in params}

    def recipe(self, values: Mapping[str, Any]) -> Recipe:
        """The recipe with these values and without `[tune]`. Raises RecipeError where they do not go together."""
        content = deepcopy(self._base)
        for key, value in values.items():
            self.axes[key].knob.write(content, value)
        try:
            return Recipe.model_validate(content)
        except ValidationError as error:
            found = " with ".join(f"{key} = {value!r}" for key, value in values.items())
            raise RecipeError(
                f"tune.ranges: found {found}, which is no valid recipe: {describe_faults(error)}"
            ) from error

    def _check_ends(self) -> None:
        # No rule of a recipe is about more than two knobs.
        for values in self._tried():
            self.recipe(values)

    def _tried(self) -> Iterator[Values]:
        ends = [(key, value) for key, axis in self.axes.items() for value in axis.ends]
        yield from ({key: value} for key, value in ends)
        yield from (dict(pair) for pair in combinations(ends, 2) if pair[0][0] != pair[1][0])

    def _check_start(self) -> None:
        for key, value in self.start.items():
            if not self.axes[key].holds(value):
                raise RecipeError(
                    f"tune.ranges.{key}: found no {value!r}, which the recipe itself has and the first trial is; "
                    "accepted: a range with it"
                )
