"""Section `[[fields]]`: the fields of a form that a row has, in place of a text."""

from math import inf
from typing import Annotated, Literal

from pydantic import Field, model_validator

from serving.model.inputs.fields import MAX_NAME, MAX_VALUES, RESERVED
from training.recipe.base import ConfigSection, Name

Bound = Annotated[float, Field(allow_inf_nan=False)]


class FieldConfig(ConfigSection):
    """`[[fields]]`: one field. Where a recipe of fields names none, they are found in the file."""

    name: Name = Field(max_length=MAX_NAME, description="what requests call it")
    column: Name | None = Field(None, description="its column in the file; default: one called as the field is")
    kind: Literal["number", "category"] = Field(description="a number, or one of some values")
    unit: str = Field("", description="of a number, as people read it")
    minimum: Bound | None = Field(None, description="the least number that is accepted; default: any")
    maximum: Bound | None = Field(None, description="the greatest number that is accepted; default: any")
    step: float | None = Field(None, gt=0, allow_inf_nan=False, description="of the form, such as 1 or 0.5")
    values: list[Name] = Field(
        [], max_length=MAX_VALUES, description="those that are accepted, in the order of the form; default: those found"
    )
    missing: Bound | str | None = Field(
        None,
        description="what a missing one becomes; default: the training rows' median, or a value of its own, which says "
        "that it is missing",
    )

    @property
    def source(self) -> str:
        """Its column in the file."""
        return self.column or self.name

    @model_validator(mode="after")
    def _keys_fit(self) -> "FieldConfig":
        low = -inf if self.minimum is None else self.minimum
        high = inf if self.maximum is None else self.maximum
        if self.name in RESERVED:
            raise ValueError(f"name is {self.name!r}; accepted: any but {', '.join(sorted(RESERVED))}")
        others = ("values",) if self.kind == "number" else ("unit", "minimum", "maximum", "step")
        if present := [key for key in others if getattr(self, key) not in ("", None, [])]:
            raise ValueError(f"a {self.kind} with {', '.join(present)}; accepted: a {self.kind} without")
        if self.missing is not None and isinstance(self.missing, str) == (self.kind == "number"):
            accepted = "a number" if self.kind == "number" else "one of its values"
            raise ValueError(f"missing is {self.missing!r}; accepted for a {self.kind}: {accepted}")
        if self.values and self.missing not in (None, *self.values):
            raise ValueError(f"missing is {self.missing!r}; accepted: one of its values, {self.values}")
        if isinstance(self.missing, float) and not low <= self.missing <= high:
            raise ValueError(f"missing is {self.missing:g}; accepted: from minimum to maximum")
        if len(set(self.values)) < len(self.values):
            raise ValueError(f"values has one twice: {self.values}; accepted: each once")
        if low >= high:
            raise ValueError(f"minimum is {low:g}, maximum {high:g}; accepted: minimum < maximum")
        return self
