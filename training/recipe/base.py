"""What the tables of a recipe are made of."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Part = Literal["train", "validation", "test"]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]


class ConfigSection(BaseModel):
    """A table of a recipe: frozen, typed without coercion, and without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
