"""Section `[tune]`: the settings that a search varies, and their values."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema, field_validator, model_validator

from training.recipe.base import ConfigSection, Name

# Whether it fits its knob is told by the recipe that it is put into.
Choice = Annotated[Any, WithJsonSchema({"type": "value"})]


class Range(ConfigSection):
    """A value of `[tune.ranges]`: the numbers from `low` to `high`, or the `choices`."""

    low: float | None = Field(None, allow_inf_nan=False, description="the least value, itself included")
    high: float | None = Field(None, allow_inf_nan=False, description="the greatest value, itself included")
    step: float | None = Field(None, gt=0, allow_inf_nan=False, description="distance of the values; default: any")
    log: bool = Field(False, description="each factor is as likely as another, not each difference")
    choices: list[Choice] | None = Field(None, min_length=2, description="the values, instead of low and high")

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> "Range":
        numbers = {"low": self.low, "high": self.high, "step": self.step, "log": self.log or None}
        present = [name for name, value in numbers.items() if value is not None]
        if self.choices is not None and present:
            raise ValueError(f"choices beside {', '.join(present)}; accepted: one of the two kinds")
        if self.choices is None and (self.low is None or self.high is None):
            raise ValueError("accepted: low and high, or choices")
        if self.choices and len({repr(choice) for choice in self.choices}) < len(self.choices):
            raise ValueError(f"choices are {self.choices}; accepted: distinct ones")
        return self

    @model_validator(mode="after")
    def _has_values(self) -> "Range":
        if self.low is None or self.high is None:
            return self
        if self.low >= self.high:
            raise ValueError(f"low is {self.low:g} and high is {self.high:g}; accepted: low below high")
        if self.log and (self.low <= 0 or self.step):
            raise ValueError("log = true needs low above 0, and no step")
        # As decimals, since (0.3 - 0.0) % 0.1 is not 0.
        if self.step and (Decimal(str(self.high)) - Decimal(str(self.low))) % Decimal(str(self.step)):
            raise ValueError(f"steps of {self.step:g} from {self.low:g} miss {self.high:g}; accepted: whole steps")
        return self


class TuneConfig(ConfigSection):
    """`[tune]`: a search over knobs, for `python -m training tune`."""

    trials: int = Field(20, ge=1, le=10_000, description="trainings, the recipe as it stands among them")
    seeds: int = Field(1, ge=1, le=100, description="seeds that a trial's figure is the mean of, on one split")
    ranges: dict[Name, Range] = Field(
        min_length=1,
        description="knob -> range; a stage or source by its name: `stages.NAME.epochs`, `data.sources.NAME.weight`",
    )

    @field_validator("ranges", mode="before")
    @classmethod
    def _keys_are_quoted(cls, ranges: Any) -> Any:
        if not isinstance(ranges, dict):
            return ranges
        for key, limits in ranges.items():
            if isinstance(limits, dict) and any(isinstance(value, dict) for value in limits.values()):
                raise ValueError(f'a table under {key!r}; accepted: keys in quotes: "{key}.{next(iter(limits))}" = ...')
        return ranges
