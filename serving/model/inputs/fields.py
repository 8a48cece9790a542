"""Fields of a form as a kind of input: named numbers and categories, as `fields.json` describes them.

A number is standardized: less its mean, by its scale; and where the file has bins for it, the one that it falls into is
an id. A category's value is an id, and so is a missing one where the file says no other value for it. All of it is
data: training writes the file, and both sides read it by this module.
"""

import math
import re
import reprlib
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, islice, pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from serving.errors import BundleError, FieldFault, InvalidFields
from serving.model.bundle import FIELDS, NETWORK
from serving.model.inputs.base import RowFacts
from serving.model.metadata import FieldValue, Metadata
from serving.model.network import Network
from serving.model.tokenizer import Ids
from serving.model.types import Numbers, Prediction, Probabilities, WeighedField

BATCH = 256  # rows that the network computes at once: a row has few numbers
# A batch of a service then takes two or three milliseconds, in which nothing else is answered.
LIGHT_FIELDS, LIGHT_WEIGHTS = 40, 200_000
MAX_FIELDS = 500
MAX_NAME = 100  # characters
MAX_VALUES = 1000  # of a category
_SHOWN = 20  # names or values in a sentence
# What a request may say beside its fields.
RESERVED: Final = frozenset({"text", "texts", "fields", "rows", "explain", "partial", "min_probability"})

NO_VALUE = "No field has a value; accepted is at least one."
_MISSING = ("", "?")  # as forms and files write it
_WHOLE = re.compile(r"^(-?\d+)\.0+$")

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME, pattern=r"^[^\s].*[^\s]$|^[^\s]$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class NumberField(_Strict):
    """A number.

    Attributes:
        name: of the field.
        column: its column in files, where that may have another name.
        unit: as people read it.
        minimum: the least that is accepted.
        maximum: the greatest that is accepted.
        step: between two values of the form; whole numbers have 1.
        mean: of the training rows.
        scale: their standard deviation.
        missing: the number that a missing one becomes.
        bins: edges between intervals of it, rising; each interval has an id as a category's value has. None: no ids.
    """

    kind: Literal["number"] = "number"
    name: Name
    column: str = ""
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = Field(None, gt=0)
    mean: float
    scale: float = Field(gt=0)
    missing: float
    bins: list[float] = []

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        unit = f" {self.unit}" if self.unit else ""
        low, high = (None if bound is None else f"{bound:.15g}" for bound in (self.minimum, self.maximum))
        if low and high:
            return f"a number from {low} to {high}{unit}"
        return f"a number{f' from {low} on' if low else ''}{f' up to {high}' if high else ''}{unit}"

    def read(self, value: FieldValue) -> float | None:
        """The number. Raises ValueError where it is none that is accepted."""
        if value is None or (isinstance(value, str) and value.strip() in _MISSING):
            return None
        if isinstance(value, bool) or (isinstance(value, str) and "_" in value):  # which Python would take for digits
            raise ValueError
        number = float(value)
        if not math.isfinite(number) or _outside(number, self.minimum, self.maximum):
            raise ValueError
        return number

    @property
    def id_count(self) -> int:
        """Its ids: of its intervals, and of a missing one."""
        return len(self.bins) + 2 if self.bins else 0

    def id(self, value: Any) -> int:
        """Of the interval of a value that `read` gave; 0 where it is missing."""
        return 0 if value is None else bisect_right(self.bins, value) + 1

    def standardized(self, value: FieldValue) -> float:
        """What the network reads of a value that `read` gave."""
        return ((self.missing if value is None else float(value)) - self.mean) / self.scale

    @model_validator(mode="after")
    def _bins_rise(self) -> Self:
        if any(low >= high for low, high in pairwise(self.bins)):
            raise ValueError("bins do not rise; accepted: each edge above the one before")
        return self


class CategoryField(_Strict):
    """One of some values.

    Attributes:
        name: of the field.
        column: its column in files, where that may have another name.
        values: in the order of the form.
        missing: the value that a missing one becomes; None: the network knows that it is missing.
    """

    kind: Literal["category"] = "category"
    name: Name
    column: str = ""
    values: list[str] = Field(min_length=1, max_length=MAX_VALUES)
    missing: str | None = None

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return f"one of {_listed([repr(value) for value in self.values])}"

    @cached_property
    def ids(self) -> Mapping[str | None, int]:
        """Of each value, and of a missing one; 0 where that stays so."""
        ids: dict[str | None, int] = {value: number for number, value in enumerate(self.values, start=1)}
        return {None: ids.get(self.missing, 0), **ids}

    @property
    def id_count(self) -> int:
        """Its ids: of its values, and of a missing one."""
        return len(self.values) + 1

    def id(self, value: Any) -> int:
        """Of a value that `read` gave."""
        return self.ids[value]

    def read(self, value: FieldValue) -> str | None:
        """The value. Raises ValueError where it is none that is accepted."""
        if value is None:
            return None
        text = str(value).strip()
        if text not in self.ids:  # JSON and tables have numbers for what are names: 2 and 2.0 are both "2"
            text = _WHOLE.sub(r"\1", text)
        if text in self.ids:
            return text
        if text in _MISSING:
            return None
        raise ValueError

    @model_validator(mode="after")
    def _values_fit(self) -> Self:
        if len(set(self.values)) != len(self.values):
            raise ValueError("has a value twice; accepted: each once")
        if self.missing is not None and self.missing not in self.values:
            raise ValueError(f"missing: found {self.missing!r}; accepted: one of its values, or null")
        return self


class FieldsFile(_Strict):
    """The content of `fields.json`.

    Attributes:
        version: of this schema.
        missing: what else than nothing and "?" stands for a missing value, where it is none of a field's own.
        fields: in the order of the form.
    """

    version: Literal[1] = 1
    missing: list[str] = []
    fields: list[Annotated[NumberField | CategoryField, Field(discriminator="kind")]] = Field(
        min_length=1, max_length=MAX_FIELDS
    )

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        names = [field.name for field in self.fields]
        if len(set(names)) != len(names):
            raise ValueError("two fields have the same name; accepted: a name for each")
        if reserved := sorted(RESERVED & set(names)):
            raise ValueError(f"a field's name is {reserved[0]!r}; accepted: any but {', '.join(sorted(RESERVED))}")
        return self


class EncodedRow(NamedTuple):
    """What the network reads of a row: ids of categories and bins, standardized numbers."""

    ids: list[int]
    numbers: list[float]


class ParsedRow(dict[str, FieldValue]):
    """A row as `FieldsInput.parse` gives it: every field, in order, as a value that the model knows, or None."""


class FieldsInput:
    """Rows of fields.

    Args:
        file: what the fields are.
    """

    def __init__(self, file: FieldsFile) -> None:
        self.fields = file.fields
        self.numbers = [field for field in file.fields if isinstance(field, NumberField)]
        self.categories = [field for field in file.fields if isinstance(field, CategoryField)]
        self._names = {field.name for field in file.fields}
        self._known = f"one of the names {', '.join(sorted(self._names))}"
        self.shown_names = _listed([field.name for field in file.fields])
        # Looked up once, not for each row.
        self._readers = [(f.name, f.read, f, without_values(file.missing, f)) for f in file.fields]
        # All fields with ids share one embedding, in which each has its own, the first for what is missing.
        self.with_ids: list[NumberField | CategoryField] = [*self.categories, *(f for f in self.numbers if f.bins)]
        self._offsets = list(accumulate((field.id_count for field in self.with_ids), initial=0))
        self._ids = [(f.name, f.id, offset) for f, offset in zip(self.with_ids, self._offsets, strict=False)]

    @classmethod
    def read(cls, path: Path) -> "FieldsInput":
        """Read a bundle's fields.

        Raises:
            BundleError: the sentence names the file and the fault.
        """
        try:
            return cls(FieldsFile.model_validate_json(path.read_bytes()))
        except OSError as error:
            raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
        except ValidationError as error:
            fault = error.errors()[0]
            raise BundleError(f"{path}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error

    @property
    def vocabulary_size(self) -> int:
        """The ids of all categories and bins."""
        return self._offsets[-1]

    def parse(
        self, row: Mapping[str, FieldValue], missing: Collection[str] = (), faults: Sequence[FieldFault] = ()
    ) -> ParsedRow:
        """The row with every field, in order: a number, one of the values, or None where it is missing.

        Args:
            row: as it was sent: numbers may be texts; what is empty or "?" is missing. A parsed one stays as it is.
            missing: what else stands for a missing value, beside what the file says.
            faults: what is wrong already.

        Raises:
            InvalidFields: it names every field that is wrong or unknown, what was found and what is accepted.
        """
        if isinstance(row, ParsedRow):
            return row
        # Where there are more names than the model's, the first few show it.
        unknown = [name for name in islice(row, len(self._names) + 1) if name not in self._names]
        faults = [*faults, *(FieldFault(name, "no field of this model", self._known) for name in unknown)]
        parsed = ParsedRow()
        for name, read, field, of_file in self._readers:
            value = row.get(name)
            try:
                parsed[name] = None if means_missing(value, of_file) else read(value)
            except (TypeError, ValueError, OverflowError):
                if isinstance(value, str) and value.strip() in missing:
                    parsed[name] = None
                else:
                    faults.append(FieldFault(name, reprlib.repr(value), field.accepted))
        if faults:
            raise InvalidFields(faults, row=row)
        return parsed

    def parse_filled(self, row: Mapping[str, FieldValue], **options: Any) -> ParsedRow:
        """What `parse` gives, of a row in which some field has a value. Raises InvalidFields, also where none has.

        Args:
            row: see `parse`.
            **options: see `parse`.
        """
        parsed = self.parse(row, **options)
        if set(parsed.values()) == {None}:
            raise InvalidFields(detail=NO_VALUE, code="fields_empty", row=row)
        return parsed

    def check(self, network: Network, metadata: Metadata) -> None:  # noqa: ARG002 -- the file says all
        """See ModelInput."""
        facts = (network.vocabulary, network.numbers, network.steps or 0)
        expected = (self.vocabulary_size, len(self.numbers), len(self.with_ids))
        if facts != expected:
            raise BundleError(
                f"{FIELDS}: has {expected[2]} fields of {expected[0]} ids and {expected[1]} numbers, {NETWORK} "
                f"takes {facts[2]} of {facts[0]} and {facts[1]}; they must be equal"
            )

    def is_light(self, network: Network) -> bool:
        """See ModelInput."""
        return len(self.fields) <= LIGHT_FIELDS and network.weights <= LIGHT_WEIGHTS

    def encode(self, rows: Sequence[Mapping[str, FieldValue]]) -> tuple[list[EncodedRow], list[RowFacts]]:
        """See ModelInput.

        Raises:
            InvalidFields: a row is none that `parse` takes.
        """
        return [self._encode(self.parse(row)) for row in rows], [RowFacts()] * len(rows)

    def run(self, network: Network, encoded: Sequence[EncodedRow]) -> Probabilities:
        """See ModelInput."""
        ids, numbers = self.arrays(encoded)
        starts = range(0, len(encoded), BATCH)
        answers = [network.run_fields(ids[at : at + BATCH], numbers[at : at + BATCH]) for at in starts]
        return np.concatenate(answers) if answers else np.empty((0, network.classes), np.float32)

    def arrays(self, encoded: Sequence[EncodedRow]) -> tuple[Ids, Numbers]:
        """Ids, int32 (rows, fields with ids), and numbers, float32 (rows, numbers)."""
        ids = np.array([row.ids for row in encoded], np.int32).reshape(len(encoded), len(self.with_ids))
        numbers = np.array([row.numbers for row in encoded], np.float32).reshape(len(encoded), len(self.numbers))
        return ids, numbers

    def occlude(self, row: Mapping[str, FieldValue]) -> "OccludedFields":
        """See ModelInput: the row with each of its fields missing in turn."""
        parsed = self.parse(row)
        variants = [{**parsed, name: None} for name in parsed]
        return OccludedFields(parsed, [self._encode(variant) for variant in (parsed, *variants)])

    def _encode(self, row: Mapping[str, Any]) -> EncodedRow:
        ids = [offset + read_id(row[name]) for name, read_id, offset in self._ids]
        return EncodedRow(ids, [field.standardized(row[field.name]) for field in self.numbers])


@dataclass(frozen=True, slots=True)
class OccludedFields:
    """A row, and the variants in which one field each is missing.

    Attributes:
        row: every field's value.
        encoded: of the row, then of the variants.
    """

    row: Mapping[str, FieldValue]
    encoded: Sequence[EncodedRow]

    def explained(self, prediction: Prediction, probabilities: Probabilities, label: int) -> Prediction:
        """See Occluded: a weight is the label's probability less its probability where the field is missing."""
        of_row, *of_variants = probabilities[:, label].tolist()
        weights = zip(self.row.items(), of_variants, strict=True)
        weighed = tuple(WeighedField(name, value, of_row - without) for (name, value), without in weights)
        return replace(prediction, weighed_fields=weighed)


def without_values(missing: Collection[str], field: NumberField | CategoryField) -> frozenset[str]:
    """What stands for a missing value of a field: what is one of its own values does not."""
    return frozenset(missing) - set(field.values if isinstance(field, CategoryField) else ())


def means_missing(value: FieldValue, missing: Collection[str]) -> bool:
    """Whether a value, before it is read, is one that stands for a missing one; -999.0 does where -999 does."""
    if not missing or value is None:
        return False
    text = str(value).strip()
    return text in missing or (text.endswith(".0") and text[:-2] in missing)


def _listed(words: Sequence[str]) -> str:
    more = f" and {len(words) - _SHOWN:,} more" if len(words) > _SHOWN else ""
    return ", ".join(words[:_SHOWN]) + more


def _outside(number: float, minimum: float | None, maximum: float | None) -> bool:
    return (minimum is not None and number < minimum) or (maximum is not None and number > maximum)
