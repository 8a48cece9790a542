"""Response models of a model of fields, and predictions as such answers."""

import operator
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, RootModel

from serving.errors import FieldFault, InvalidFields
from serving.model.metadata import FieldValue, KnownRow, Metadata
from serving.model.types import Prediction, rounded
from serving.web.schemas import Answer, ErrorAnswer, Schema, TextError, predicted

_MANY_DIGITS = 1e15  # of a float, those beyond may be wrong


class Row(RootModel[dict[str, FieldValue]]):
    """A row of fields: value by name. The documentation of a model puts the model's own fields in its place."""


class ExplainedField(Schema):
    """A field and how much its value speaks for the label. See docs/explanations.md."""

    field: str
    value: FieldValue = Field(description="as in `fields`")
    weight: float = Field(
        description="the label's probability less its probability where the field is missing, so from -1 to 1, with "
        "six digits"
    )


class PredictedRow(Schema):
    """What the model makes of one row of fields."""

    fields: Row = Field(description="as they were read, in the model's order; null where one is missing")
    label: str = Field(description="the most probable label")
    probability: float = Field(description="that label's probability, with six digits")
    probabilities: dict[str, float] = Field(description="every label's probability, in the model's order")
    uncertain: bool = Field(
        False,
        description="whether the label has less than `min_probability`; only where that was sent, or MIN_PROBABILITY "
        "is set",
    )
    explanation: list[ExplainedField] = Field(
        default_factory=list, description="the fields in the model's order; only where `explain` was true"
    )


class RowAnswer(PredictedRow):
    """The answer to one row of fields."""

    model_version: str = Field(description="which model answered")


WrongFields = Annotated[
    tuple[FieldFault, ...], Field(exclude_if=operator.not_, description="every field that is wrong, where one is")
]


class RowError(TextError):
    """Why a row was refused."""

    fields: WrongFields = ()


class RefusedRow(Schema):
    """A row that was refused, among others that were answered."""

    error: RowError


class RowsAnswer(Schema):
    """The answer to several rows, in the order of the request."""

    predictions: list[PredictedRow | RefusedRow] = Field(
        description="one for each row; one with an `error` only where `partial` was true"
    )
    model_version: str = Field(description="which model answered")


class FieldsErrorAnswer(ErrorAnswer):
    """Every error of a model of fields."""

    fields: WrongFields = ()


def predicted_row(
    row: Mapping[str, FieldValue], prediction: Prediction, min_probability: float | None = None
) -> Answer:
    """Build the PredictedRow of one row of fields. What was not asked for is left out."""
    answer = predicted({"fields": plain_row(row)}, prediction, {}, min_probability)
    if prediction.weighed_fields is not None:
        answer["explanation"] = [
            {"field": field.name, "value": plain(field.value), "weight": rounded(field.weight)}
            for field in prediction.weighed_fields
        ]
    return answer


def plain(value: FieldValue) -> FieldValue:
    """A field's value as people write it: a whole number without a point, unless it has very many digits."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < _MANY_DIGITS else value


def plain_row(row: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
    """A row with its values as people write them."""
    return {name: plain(value) for name, value in row.items()}


def known_rows(metadata: Metadata) -> list[KnownRow]:
    """The known answers to rows of fields, but for one in which nothing has a value: fit to be examples."""
    rows = [answer for answer in metadata.known_answers if isinstance(answer, KnownRow)]
    return [row for row in rows if any(value is not None for value in row.fields.values())] or rows


def refused_row(error: InvalidFields) -> Answer:
    """Build the RefusedRow of an error."""
    return {"error": RowError(detail=error.detail, code=error.error_code, fields=error.faults).model_dump()}
