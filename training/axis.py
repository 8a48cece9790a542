"""One knob of a search and the values that it may take, as Optuna wants them."""

import json
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from training.errors import RecipeError
from training.ranges import Range
from training.searchable import Knob


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
