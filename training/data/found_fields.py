"""Finder of a form's fields: what a recipe leaves out of its `[[fields]]`, as the columns of its files show it."""

import math
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeVar

import pandas as pd

from serving.model.inputs.fields import MAX_FIELDS, MAX_NAME, MAX_VALUES, RESERVED, means_missing
from training.data.cleaning import plain_label
from training.data.dataset import Dataset, load_dataset
from training.data.readers import column
from training.data.rows import row_reader, shown_cells
from training.data.sources import read_file, target_paths
from training.errors import DataError
from training.recipe.data import DataConfig, Source
from training.recipe.fields import FieldConfig
from training.recipe.recipe import Recipe

MOSTLY = 0.9  # share of numbers from which on a column is one of numbers, and its words are mistakes
LARGEST = 1e30  # numbers from there on are none: the network computes in float32
MARGIN = 0.5  # of the distance between the extremes found: so far beyond them a number is still accepted
MOST_FOUND, FEW, FEW_ROWS = 200, 20, 10  # values of a category that is found: so many, with so few rows each
_ROW_MISSING = ("", "?")

Item = TypeVar("Item")
Result = TypeVar("Result")


def load_rows(recipe: Recipe, paths: Sequence[Path]) -> tuple[Recipe, Dataset]:
    """The recipe with every field of its rows said, and the rows, read, cleaned, merged and split.

    Args:
        recipe: The recipe.
        paths: Data files.

    Raises:
        DataError: A file cannot be used, or the rows are too few; see `load_dataset`.
    """
    recipe, ignored = complete_fields(recipe, paths)
    dataset = load_dataset(paths, recipe.data, recipe.split_seed, row_reader(recipe), partial=recipe.start is not None)
    if ignored:
        dataset.notes.append(f"Columns that are no fields: {'; '.join(f'{name!r} {why}' for name, why in ignored)}.")
    return recipe, dataset


class Ignored(NamedTuple):
    """A column that is no field, and why."""

    column: str
    reason: str


def complete_fields(recipe: Recipe, paths: Sequence[Path]) -> tuple[Recipe, list[Ignored]]:
    """A recipe of fields that says all of them, and the columns that it leaves out.

    Without `[[fields]]` every column is one, but for the label's, those by which sources choose rows, and those that
    tell nothing. A category's values are those found; a number that was found is accepted up to half of the distance of
    its extremes beyond them.

    Args:
        recipe: The recipe; one of texts stays as it is.
        paths: Its data files.

    Raises:
        DataError: A file cannot be read, or a column is not what the recipe says, or there is no field.
    """
    if recipe.inputs == "text":
        return recipe, []
    table, ignored = _table(paths, recipe.data, [field.source for field in recipe.fields])
    others = _other_columns(recipe.data)
    if label := sorted({recipe.data.label} & {field.source for field in recipe.fields}):
        raise DataError(f"[[fields]]: {label[0]!r} is the column of labels; accepted: columns beside it")
    where = ", ".join(str(path) for path in paths)
    if recipe.fields:
        fields = _each(recipe.fields, lambda field: _completed(field, table, recipe.data, where))
        used = {field.source for field in fields}
        ignored += [Ignored(name, "not among [[fields]]") for name in map(str, table) if name not in used]
    else:
        columns = [name for name in map(str, table) if name not in others]
        found = _each(columns, lambda name: _found(name, _cells(table[name], recipe.data), where))
        fields = [field for field in found if isinstance(field, FieldConfig)]
        ignored += [reason for reason in found if isinstance(reason, Ignored)]
    ignored = [each for each in ignored if each.column not in others]
    if not fields:
        reasons = "; ".join(f"{name!r} {reason}" for name, reason in ignored)
        raise DataError(f"{where}: no column can be a field: {reasons or 'there is none beside the label'}")
    if len(fields) > MAX_FIELDS:
        raise DataError(f"{where}: found {len(fields):,} fields; accepted: at most {MAX_FIELDS}, those in [[fields]]")
    return recipe.model_copy(update={"fields": fields}), ignored


def _each(items: Sequence[Item], function: Callable[[Item], Result]) -> list[Result]:
    """What the function makes of each item. Raises one DataError with the sentences of all."""
    results, faults = [], []
    for item in items:
        try:
            results.append(function(item))
        except DataError as error:
            faults.append(str(error))
    if faults:
        raise DataError("; ".join(faults))
    return results


def _table(paths: Sequence[Path], data: DataConfig, names: Sequence[str]) -> tuple[pd.DataFrame, list[Ignored]]:
    """The columns that all files have, as text, one file below the other; and those that only some have."""
    tables = []
    for path in target_paths(paths, data):
        sources = [source for source in data.sources if source.file == path.name] or [Source(file=path.name)]
        tables.append(read_file(path, data, sources, [], names))
    table = pd.concat(tables, ignore_index=True)
    partial = table.columns[table.isna().any()]
    return table.drop(columns=partial), [Ignored(str(name), "is not in every file") for name in partial]


def _other_columns(data: DataConfig) -> set[str]:
    """Columns that a recipe uses for something else."""
    of_sources = [[source.label, source.group, *source.where, *source.where_not] for source in data.sources]
    return {data.label, *filter(None, chain.from_iterable(of_sources))}


def _cells(cells: "pd.Series[str]", data: DataConfig, own: Sequence[str] = ()) -> "pd.Series[str]":
    """The cells that are not missing, without blanks around."""
    stripped, missing = cells.str.strip(), {*_ROW_MISSING, *data.missing} - {*own}
    return stripped[[not means_missing(cell, missing) for cell in stripped]]


def _completed(field: FieldConfig, table: pd.DataFrame, data: DataConfig, where: str) -> FieldConfig:
    """A declared field, with the values that are found where it names none."""
    cells = _cells(column(table, field.source, Path(where)), data, field.values)
    if cells.nunique() < 2:
        raise DataError(f"{where}: column {field.source!r} {_constant(cells)}; accepted: a field that differs")
    if field.kind == "number" or field.values:
        return field
    cells = cells.map(plain_label)
    if cells.nunique() >= MAX_VALUES:
        raise DataError(
            f"{where}: column {field.source!r} has {cells.nunique():,} values; accepted: fewer than {MAX_VALUES:,}, so "
            "leave it out, or join its values"
        )
    values = _in_order(cells)
    if field.missing not in (None, *values):
        raise DataError(
            f"{where}: column {field.source!r} never has missing = {field.missing!r}; accepted: a value of it"
        )
    return field.model_copy(update={"values": values})


def _found(name: str, cells: "pd.Series[str]", where: str) -> FieldConfig | Ignored:
    """The field that a column is, or why it is none."""
    if name in RESERVED or len(name) > MAX_NAME:
        return Ignored(name, "is no name that a field can have; [[fields]] can give it another")
    if cells.map(plain_label).nunique() < 2:
        return Ignored(name, _constant(cells))
    numbers = pd.to_numeric(cells, errors="coerce")
    numbers = numbers.where(numbers.abs() < LARGEST)
    if (share := numbers.notna().mean()) >= MOSTLY:
        if share < 1:
            raise DataError(_words(name, cells[numbers.isna()], int(numbers.notna().sum()), where))
        return _number(name, numbers)
    if cells.nunique() > min(MOST_FOUND, max(FEW, len(cells) // FEW_ROWS)):
        return Ignored(name, f"{cells.nunique():,} values in {len(cells):,} rows are no category")
    return FieldConfig(name=name, kind="category", values=_in_order(cells))


def _number(name: str, numbers: "pd.Series[float]") -> FieldConfig | Ignored:
    low, high, is_whole = float(numbers.min()), float(numbers.max()), bool((numbers % 1 == 0).all())
    if is_whole and numbers.is_unique and high - low == len(numbers) - 1 and len(numbers) > 2:
        return Ignored(name, f"numbers the rows, from {low:g} to {high:g}")
    margin = _round_up((high - low) * MARGIN)
    minimum = max(low - margin, 0.0) if low >= 0 else low - margin
    minimum, maximum = min(low, float(f"{minimum:.12g}")), max(high, float(f"{high + margin:.12g}"))
    return FieldConfig(name=name, kind="number", minimum=minimum, maximum=maximum, step=1.0 if is_whole else None)


def _round_up(value: float) -> float:
    """The next number with one digit."""
    unit = 10.0 ** math.floor(math.log10(value))
    return math.ceil(value / unit) * unit


def _in_order(cells: "pd.Series[str]") -> list[str]:
    """The values, numbers by their size."""
    values = [str(value) for value in cells.unique()]
    try:
        return sorted(values, key=float)
    except ValueError:
        return sorted(values)


def _constant(cells: "pd.Series[str]") -> str:
    return f"is always {cells.iloc[0]!r}" if len(cells) else "has no value in any row"


def _words(name: str, words: "pd.Series[str]", numbers: int, where: str) -> str:
    return (
        f"{where}: column {name!r} has {numbers:,} numbers, and in {len(words):,} rows none: {shown_cells(words)}; "
        "accepted: numbers; or data.missing says that these stand for a missing one; or [[fields]] makes it a category"
    )
