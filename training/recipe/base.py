"""Base class and field types of a recipe's sections."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Part = Literal["train", "validation", "test"]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]


class ConfigSection(BaseModel):
    """A section of a recipe: frozen, typed without coercion, and without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @classmethod
    def from_bundle(cls, content: Mapping[str, Any]) -> Self:
        """Read the section from a bundle's metadata, where keys that recipes no longer have are passed over.

        Raises:
            ValidationError: Another key's value is not accepted.
        """
        return cls.model_validate(content, extra="ignore")
