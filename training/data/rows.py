"""Readers of rows: what of a table's columns a row is, a text or fields, and what makes two rows copies."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from serving.model.inputs.fields import CategoryField, NumberField, means_missing, without_values
from serving.model.metadata import FieldValue
from training.data.cleaning import merged_keys, text_key, without_emoticons
from training.data.readers import column, texts
from training.errors import DataError
from training.recipe.data import DataConfig, Source
from training.recipe.fields import FieldConfig
from training.recipe.recipe import Recipe

SHOWN = 5  # values in a sentence


class RowReader(Protocol):
    """How rows of one kind are read.

    Attributes:
        noun: What an error calls what a row must have.
        empty_rule: What cleaning calls the rows that are empty.
        merges_copies: Whether rows with one key are one row, with their majority label.
        slices: Columns whose values are kept beside each row.
        columns: What a file must have, where it is known.
    """

    noun: str
    empty_rule: str
    merges_copies: bool
    slices: Sequence[str]
    columns: Sequence[str]

    def read(
        self, table: pd.DataFrame, path: Path, source: Source, notes: list[str], *, strict: bool = True
    ) -> "pd.Series[Any]":
        """The row in each line of a table.

        Args:
            table: Every column of the file, as text.
            path: The file.
            source: What a recipe says of it.
            notes: Gets sentences on what was decided.
            strict: Whether a row that is not accepted is an error; else it comes as None.

        Raises:
            DataError: A column is missing, or rows are not accepted.
        """

    def is_blank(self, row: Any) -> bool:
        """Whether it has nothing to be read."""

    def key(self, row: Any) -> str:
        """What copies of one row have in common; of an empty row the empty string."""

    def merged(self, keys: Iterable[str]) -> Mapping[str, str]:
        """Key -> the key of its group, which counts as one row."""


class TextReader:
    """Texts, from one column.

    Args:
        data: The recipe's `[data]`.
        slices: Columns whose values are kept beside each row.
        is_named: Whether somebody named the column; default: whether the recipe does.
    """

    noun = "a text"
    empty_rule = "empty, or nothing but handles, links and punctuation"
    merges_copies = True
    columns: Sequence[str] = ()

    def __init__(self, data: DataConfig, slices: Sequence[str] = (), *, is_named: bool | None = None) -> None:
        self.data, self.slices = data, slices
        self.is_named = "text" in data.model_fields_set if is_named is None else is_named

    def read(
        self,
        table: pd.DataFrame,
        path: Path,
        source: Source,
        notes: list[str],
        *,
        strict: bool = True,  # noqa: ARG002
    ) -> "pd.Series[Any]":
        """See RowReader."""
        is_named = self.is_named or bool(source.text)
        rows: pd.Series[Any] = texts(table, source.text or self.data.text, path, is_named=is_named, notes=notes)
        if source.append:
            rows = rows + " " + column(table, source.append, path)
        return rows.map(without_emoticons) if source.emoticons == "drop" else rows

    def is_blank(self, row: str) -> bool:
        """See RowReader."""
        return not row.strip()

    def key(self, row: str) -> str:
        """See RowReader."""
        return text_key(row)

    def merged(self, keys: Iterable[str]) -> Mapping[str, str]:
        """See RowReader."""
        return merged_keys(keys)


class FieldsReader:
    """Fields, each from its column.

    Args:
        fields: All of them, categories with their values.
        missing: Cells that stand for a missing value, unless they are values of the field.
        slices: Columns whose values are kept beside each row.
    """

    noun = "a field"
    empty_rule = "without a value in any field"
    merges_copies = False  # two people may fill in a form alike, and differ in what is asked

    def __init__(self, fields: Sequence[FieldConfig], missing: Sequence[str], slices: Sequence[str] = ()) -> None:
        self.fields, self.missing, self.slices = fields, frozenset(missing), slices
        self.columns: Sequence[str] = [field.source for field in fields]
        self._served = [as_served(field) for field in fields]

    def read(
        self,
        table: pd.DataFrame,
        path: Path,
        source: Source,  # noqa: ARG002
        notes: list[str],  # noqa: ARG002
        *,
        strict: bool = True,
    ) -> "pd.Series[Any]":
        """See RowReader. A row is a dict of each field's name and its number, its value, or None."""
        values: dict[str, list[FieldValue]] = {}
        faults, is_bad = {}, pd.Series(False, index=table.index)
        for field, served in zip(self.fields, self._served, strict=True):
            is_renamed = field.source not in table and field.name in table
            cells = column(table, field.name if is_renamed else field.source, path)
            read, wrong = self._read(cells, served)
            values[field.name] = list(map(read.get, cells))
            if wrong:
                is_bad |= cells.isin(wrong)
                faults[field.source] = (
                    f"{shown_cells(cells[cells.isin(wrong)])}; accepted: {served.accepted}, or a missing value"
                )
        if faults and strict:
            sentences = "; ".join(f"column {name!r} has {fault}" for name, fault in faults.items())
            raise DataError(f"{path}: {sentences}. data.missing says what stands for a missing value")
        rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
        return pd.Series(
            [None if bad else row for row, bad in zip(rows, is_bad, strict=True)], table.index, dtype=object
        )

    def _read(
        self, cells: "pd.Series[str]", field: NumberField | CategoryField
    ) -> tuple[dict[str, FieldValue], list[str]]:
        """Cell -> what is read of it, None where it is missing; and the cells that are not accepted."""
        missing = without_values(self.missing, field)
        read: dict[str, FieldValue] = {}
        wrong = []
        for cell in cells.unique():
            try:
                read[cell] = None if means_missing(cell, missing) else field.read(cell)
            except ValueError:
                wrong.append(cell)
        return read, wrong

    def is_blank(self, row: Mapping[str, FieldValue]) -> bool:
        """See RowReader."""
        return all(value is None for value in row.values())

    def key(self, row: Mapping[str, FieldValue]) -> str:
        """See RowReader."""
        return "" if self.is_blank(row) else json.dumps(list(row.values()))

    def merged(self, keys: Iterable[str]) -> Mapping[str, str]:
        """See RowReader: only equal rows are copies."""
        return {key: key for key in keys}


def row_reader(recipe: Recipe) -> RowReader:
    """The reader of a recipe's kind of rows, whose fields are known by now."""
    if recipe.inputs == "fields":
        return FieldsReader(recipe.fields, recipe.data.missing, recipe.slices)
    return TextReader(recipe.data, recipe.slices)


def as_served(field: FieldConfig) -> NumberField | CategoryField:
    """The field as the service reads it, before anything of it is learned."""
    if field.kind == "category":
        missing = field.missing if isinstance(field.missing, str) else None
        return CategoryField(name=field.name, column=field.column or "", values=field.values, missing=missing)
    bounds = {"minimum": field.minimum, "maximum": field.maximum, "step": field.step}
    names = {"name": field.name, "column": field.column or "", "unit": field.unit}
    return NumberField(**names, **bounds, mean=0, scale=1, missing=0)


def shown_cells(cells: "pd.Series[str]") -> str:
    """The most frequent of some cells, with how many there are of each."""
    counts = cells.value_counts()
    shown = ", ".join(f"{str(value).strip()[:40]!r} ({count:,} times)" for value, count in counts.head(SHOWN).items())
    return f"{shown} and {len(counts) - SHOWN:,} more" if len(counts) > SHOWN else shown
