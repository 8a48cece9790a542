"""Requests for predictions of rows of fields: their models, and their validation as JSON and as an HTML form."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from serving.errors import FieldFault, InvalidFields
from serving.model.inputs.fields import FieldsInput, ParsedRow
from serving.settings import Settings
from serving.web.requests import validation_errors as tables
from serving.web.requests.forms import Fields, json_advice
from serving.web.requests.parsing import json_type, parse_json
from serving.web.requests.predict_request import MinProbability, check_count

OPTIONS = ("explain", "min_probability")  # of a form


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    explain: bool = Field(
        False,
        description="whether the answer gives each field's weight; of at most MAX_EXPLAINED rows (16 unless set). A "
        "form says `true`, `on`, `yes` or `1`; or `false`, `off`, `no`, `0` or nothing",
    )
    min_probability: MinProbability = 0.0


class FieldsRequest(_Request):
    """One row of fields, as JSON or as a form."""

    fields: dict[Any, Any] = Field(
        description="value by name. A field that is left out, null or empty is missing; at least one is not"
    )


class RowsRequest(_Request):
    """Several rows of fields, as JSON. One that is refused refuses the whole request, unless `partial` is true."""

    rows: Annotated[list[Any], BeforeValidator(check_count)] = Field(
        min_length=1, description="as `fields`; at most MAX_TEXTS of them (128 unless configured). Their order is kept"
    )
    partial: bool = Field(
        False, description="whether a row that is refused has an `error` in its place, and the others are answered"
    )


@dataclass(frozen=True, slots=True)
class RowsAsked:
    """What a request asks for: everything in it is accepted, but for what is `refused`.

    Attributes:
        rows: to be predicted.
        several: whether several rows were asked for, of which there may be one.
        explain: whether the answer gives weights.
        min_probability: None where it has none.
        refused: the errors of rows that are not in `rows`, by their places in the request.
    """

    rows: Sequence[Any]
    several: bool
    explain: bool
    min_probability: float | None
    refused: Mapping[int, InvalidFields] = field(default_factory=dict)


class FieldsReader:
    """Reads requests for rows of the fields that a model has.

    Args:
        fields: of the model.
    """

    def __init__(self, fields: FieldsInput) -> None:
        self.input = fields
        # So many that what is repeated or misspelt is named.
        self.max_form_fields = 2 * len(fields.fields) + len(tables.KEYS)

    def from_json(self, body: bytes, settings: Settings) -> RowsAsked:
        """Validate `{"fields": {...}}` or `{"rows": [{...}, ...]}`, either with the options of its model.

        Raises:
            RequestError: MalformedBody or InvalidFields.
        """
        document = parse_json(body)
        if not isinstance(document, dict):
            sentence = f'The JSON is {json_type(document)}; accepted is an object with "fields" or "rows".'
            raise InvalidFields(detail=sentence, code="not_an_object")
        # Where there are more keys than the known ones, the first few show it.
        first_keys = dict(islice(document.items(), len(tables.KEYS) + 1))
        self._refuse_texts(first_keys)
        if "rows" in first_keys:
            return self._several(_validated(RowsRequest, first_keys, settings), settings.max_explained)
        asked = _validated(FieldsRequest, first_keys, settings)
        return _asked(asked, [self._parse(asked.fields)])

    def from_form(self, pairs: Fields, settings: Settings) -> RowsAsked:
        """Validate a form that has a field for each of the model's, or some of them, and options.

        Raises:
            InvalidFields: with what was sent as its row.
        """
        sent, faults = _row_of(pairs)
        self._refuse_texts(sent)
        if advice := json_advice(pairs):
            raise InvalidFields(detail=f"The form has no field of this model.{advice}", code="fields_missing")
        row = {name: value for name, value in sent.items() if name not in OPTIONS}
        options = {name: sent[name] for name in OPTIONS if sent.get(name)}
        parsed = self._parse(row, faults)
        return _asked(_validated(FieldsRequest, {**options, "fields": row}, settings, is_form=True), [parsed])

    def _refuse_texts(self, sent: Mapping[str, object]) -> None:
        if "text" in sent or "texts" in sent:
            sentence = f"The request has a text; this model takes fields: {self.input.shown_names}."
            raise InvalidFields(detail=sentence, code="fields_wanted")

    def _several(self, request: RowsRequest, max_explained: int) -> RowsAsked:
        rows, refused = list[ParsedRow](), dict[int, InvalidFields]()
        for place, row in enumerate(request.rows):
            try:
                rows.append(self._parse(row))
            except InvalidFields as error:
                if not request.partial:
                    sentence = f"In `rows[{place}]`: {error.detail}{tables.PARTIAL_ADVICE}"
                    raise InvalidFields(error.faults, sentence, code=error.error_code) from None
                refused[place] = error
        if request.explain and len(rows) > max_explained:
            code, sentence = tables.ROWS_JSON_ERRORS["too_many_to_explain", ""]
            raise InvalidFields(detail=sentence.format(length=len(rows), limit=max_explained), code=code)
        return _asked(request, rows, refused)

    def _parse(self, row: object, faults: Sequence[FieldFault] = ()) -> ParsedRow:
        """A row as the predictor takes it. `faults`: what is wrong with it already."""
        if not isinstance(row, dict):
            sentence = f"The row is {json_type(row)}; accepted is an object with values by name."
            raise InvalidFields(detail=sentence, code="row_not_object", row=row)
        return self.input.parse_filled(row, faults=faults)


def _row_of(pairs: Fields) -> tuple[dict[str, str], list[FieldFault]]:
    """A value of each name of a form, and which names have no one value."""
    texts = [(name, value) for name, value in pairs if value is not None]
    counts = Counter(name for name, _ in texts)
    faults = [FieldFault(name, "sent twice", "one value") for name, count in counts.items() if count > 1]
    faults += [FieldFault(name, "a file", "a plain field") for name, value in pairs if value is None]
    return dict(texts), faults


Model = TypeVar("Model", bound=BaseModel)


def _validated(
    model: type[Model], document: Mapping[str, object], settings: Settings, *, is_form: bool = False
) -> Model:
    try:
        return model.model_validate(document, strict=not is_form, context=settings)
    except ValidationError as error:
        table = tables.ROWS_FORM_ERRORS if is_form else tables.ROWS_JSON_ERRORS
        code, sentence = tables.most_important(error.errors(include_url=False), table)
        raise InvalidFields(detail=sentence, code=code, row=document.get("fields")) from None


def _asked(request: _Request, rows: list[ParsedRow], refused: Mapping[int, InvalidFields] | None = None) -> RowsAsked:
    min_probability = request.min_probability if "min_probability" in request.model_fields_set else None
    return RowsAsked(rows, isinstance(request, RowsRequest), request.explain, min_probability, refused or {})
