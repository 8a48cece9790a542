"""All that a search may try: from values of its knobs to whole recipes."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from itertools import combinations
from typing import Any

from optuna.distributions import BaseDistribution
from pydantic import ValidationError

from training.axis import Axis
from training.errors import RecipeError
from training.recipe import Recipe, faults
from training.searchable import searchable_knob

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
            raise RecipeError(f"tune.ranges: found {found}, which is no valid recipe: {faults(error)}") from error

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
