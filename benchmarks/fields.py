"""Rows of fields for measurements, drawn from what a bundle says of its fields."""

import random
from collections.abc import Iterator

from serving.model.inputs.fields import CategoryField, FieldsInput, NumberField

MISSING = 0.05  # share of the values, but of the first field's


def drawn_rows(fields: FieldsInput, rows: int, seed: int = 1) -> Iterator[dict[str, str]]:
    """So many rows, all values as texts, as forms and files have them."""
    draw = random.Random(seed)
    for _ in range(rows):
        row = {field.name: _value(field, draw) for field in fields.fields}
        missing = [name for name in list(row)[1:] if draw.random() < MISSING]
        yield row | dict.fromkeys(missing, "")


def _value(field: NumberField | CategoryField, draw: random.Random) -> str:
    if isinstance(field, CategoryField):
        return draw.choice(field.values)
    number = draw.gauss(field.mean, field.scale)
    number = round(number / field.step) * field.step if field.step else number
    low, high = (bound if bound is not None else number for bound in (field.minimum, field.maximum))
    return f"{max(low, min(high, number)):.6g}"
