"""Fields of a table: the columns that hold them, by their names, and each row's fields, or what is wrong with them."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from serving.errors import InvalidFields, RowsError
from serving.model.inputs.fields import FieldsInput, ParsedRow
from serving.tables.added_columns import AddedColumns
from serving.tables.base import Reader, Row
from serving.tables.chunk import MISSING
from serving.tables.columns import listed, loose_name
from serving.tables.text import decodable

NO_VALUE = "no field has a value"


class FieldColumns:
    """A column for each field, as the input of a model. A TableInput.

    Args:
        labels: of the model.
        fields: of its rows.
    """

    def __init__(self, labels: Sequence[str], fields: FieldsInput) -> None:
        self.added = AddedColumns(labels)
        self.names = frozenset(loose_name(field.name) for field in fields.fields)
        self._fields = fields

    def find(self, reader: Reader, rows: Sequence[Row], column_name: str, max_chars: int) -> "FieldsExtractor":  # noqa: ARG002
        """See TableInput."""
        if column_name:
            raise RowsError(
                f"text_column, or --text-column, is {column_name[:60]!r}, and this model reads no texts; accepted: "
                "neither of them, and a column for each field, which is found by the field's name",
                code="text_column_unused",
            )
        return FieldsExtractor(
            reader, self._fields, field_columns([field.name for field in self._fields.fields], reader)
        )


class FieldsExtractor:
    """Takes the fields out of a row, or says what is wrong with them. A RowExtractor.

    Args:
        reader: of the rows.
        fields: of the model.
        columns: index of each field's column, in the fields' order.
    """

    text_name = ""

    def __init__(self, reader: Reader, fields: FieldsInput, columns: Sequence[int]) -> None:
        self._reader, self._fields = reader, fields
        self._columns = [(field.name, column) for field, column in zip(fields.fields, columns, strict=True)]
        self._with_commas = [field.name for field in fields.numbers] if reader.decimal_comma else []
        self.shown = f"fields: columns {listed([reader.names[column] for column in columns])}"

    def __call__(self, row: Row) -> tuple[ParsedRow, str]:
        """The fields and "", or none and the fault."""
        if row.fault:
            return ParsedRow(), row.fault
        cells = {name: self._cell(row, column) for name, column in self._columns}
        for name in self._with_commas:
            cells[name] = cells[name].replace(",", ".")
        try:
            parsed = self._fields.parse(cells, MISSING)
        except InvalidFields as error:
            return ParsedRow(), error.detail
        is_empty = all(value is None for value in parsed.values())
        return parsed, NO_VALUE if is_empty else ""

    def _cell(self, row: Row, column: int) -> Any:
        try:
            cell = self._reader.cell(row, column)
        except KeyError:  # an object without this key
            return None
        if isinstance(cell, bytes):
            return decodable(cell)
        return None if cell != cell else cell  # as NaN alone does


def field_columns(fields: Sequence[str], reader: Reader) -> list[int]:
    """The index of the column of each field: the one of its name, or the only one whose name is the same but for looks.

    Args:
        fields: their names.
        reader: of the table.

    Raises:
        RowsError: a field has none, or it is not clear which. The sentence lists all such fields.
    """
    names = [name.strip() for name in reader.names]
    found = {field: names.index(field) for field in fields if names.count(field) == 1}
    claims = Counter(loose_name(field) for field in fields if field not in names)
    alike = defaultdict[str, list[int]](list)
    for column, name in enumerate(names):
        if name not in found:
            alike[loose_name(name)].append(column)
    for field in fields:
        candidates = alike[loose_name(field)]
        if field not in names and len(candidates) == claims[loose_name(field)] == 1:
            found[field] = candidates[0]
    if len(found) < len(fields):
        raise _columns_missing([field for field in fields if field not in found], alike, reader)
    return [found[field] for field in fields]


def _columns_missing(fields: Sequence[str], alike: Mapping[str, Sequence[int]], reader: Reader) -> RowsError:
    unclear = [field for field in fields if alike[loose_name(field)]]
    absent = [field for field in fields if field not in unclear]
    parts = {"it has no column for": absent, "it is not clear which column is that of": unclear}
    faults = [f"{words} {', '.join(map(repr, names))}" for words, names in parts.items() if names]
    accepted = "a header with the name of each field, in any order, and other columns beside them"
    return RowsError(
        f"{'; '.join(faults)}; found: {listed(reader.shown_names)}; accepted: {accepted}", code="columns_missing"
    )
