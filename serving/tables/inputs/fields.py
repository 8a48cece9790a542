"""Fields of a table: the columns that hold them, by their names, and each row's fields, or what is wrong with them."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from serving.errors import InvalidFields, RowsError
from serving.model.inputs.fields import FieldsInput, ParsedRow
from serving.tables.added_columns import AddedColumns
from serving.tables.base import Reader, Row
from serving.tables.chunk import MISSING
from serving.tables.columns import listed, loose_name
from serving.tables.text import decodable


class FieldColumns:
    """A column for each field, as the input of a model. See TextColumn.

    Args:
        labels: of the model.
        fields: of its rows.
    """

    def __init__(self, labels: Sequence[str], fields: FieldsInput) -> None:
        self.added = AddedColumns(labels)
        self.names = frozenset(loose_name(field.name) for field in fields.fields)
        self._fields = fields

    def find(self, reader: Reader, rows: Sequence[Row], column_name: str, max_chars: int) -> "FieldsExtractor":  # noqa: ARG002
        """See TextColumn."""
        if column_name:
            raise RowsError(
                f"text_column, or --text-column, is {column_name[:60]!r}, and this model reads no texts; accepted: "
                "neither of them, and a column for each field, which is found by the field's name",
                code="text_column_unused",
            )
        columns = field_columns({field.name: field.column for field in self._fields.fields}, reader)
        return FieldsExtractor(reader, self._fields, columns)


class FieldsExtractor:
    """Takes the fields out of a row, or says what is wrong with them. See TextExtractor.

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
        cells = {name: self._cell(row, column) for name, column in self._columns}
        for name in self._with_commas:
            cells[name] = cells[name].replace(",", ".")
        try:
            return self._fields.parse_filled(cells, missing=MISSING), ""
        except InvalidFields as error:
            return ParsedRow(), error.detail

    def _cell(self, row: Row, column: int) -> Any:
        try:
            cell = self._reader.cell(row, column)
        except KeyError:  # an object without this key
            return None
        if isinstance(cell, bytes):
            return decodable(cell)
        return None if cell != cell else cell  # as NaN alone does


def field_columns(fields: Mapping[str, str], reader: Reader) -> list[int]:
    """The index of the column of each field.

    It is that of its name, else the only one whose name is the same but for looks, else that of its other name.

    Args:
        fields: name -> another name that its column may have, or "".
        reader: of the table.

    Raises:
        RowsError: a field has none, or it is not clear which. The sentence lists all such fields.
    """
    named, alike = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
    for column, name in enumerate(name.strip() for name in reader.names):
        named[name].append(column)
        if name not in fields:
            alike[loose_name(name)].append(column)
    candidates = {name: named[name] or alike[loose_name(name)] or named[other] for name, other in fields.items()}
    claims = Counter(chain.from_iterable(candidates.values()))
    absent = [field for field in fields if not candidates[field]]
    unclear = [field for field, columns in candidates.items() if sum(claims[column] for column in columns) > 1]
    if absent or unclear:
        parts = {"it has no column for": absent, "it is not clear which column is that of": unclear}
        faults = [f"{words} {', '.join(map(repr, names))}" for words, names in parts.items() if names]
        accepted = "a header with the name of each field, in any order, and other columns beside them"
        sentence = f"{'; '.join(faults)}; found: {listed(reader.shown_names)}; accepted: {accepted}"
        raise RowsError(sentence, code="columns_missing")
    return [column for columns in candidates.values() for column in columns]
