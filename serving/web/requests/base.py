"""What requests for predictions have in common, whether a row of theirs is a text or fields."""

from typing import Annotated

from pydantic import Field, ValidationInfo
from pydantic_core import PydanticCustomError

from serving.settings import Settings

MinProbability = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="where it is sent, each answer has `uncertain`: whether its label has less than this",
    ),
]


def check_count(rows: object, info: ValidationInfo[Settings]) -> object:
    """Check how many rows there are, before any of them is looked at.

    A refused request then costs the same, however many it has.
    """
    limit = info.context.max_texts
    if isinstance(rows, list) and len(rows) > limit:
        raise PydanticCustomError("too_many", "too many", {"length": len(rows), "limit": limit})
    return rows
