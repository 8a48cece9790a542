"""Forms of the kinds of input: a box for a text, or a control for each field."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from serving.model.inputs.fields import CategoryField, FieldsInput, NumberField
from serving.model.metadata import FieldValue, KnownAnswer, Metadata
from serving.web.inputs.fields_schemas import WrongField, known_rows, plain, plain_row
from serving.web.schemas import Answer

_EXAMPLES = 5  # as many fit beside the form


class PageForm(Protocol):
    """What the form's page asks for and shows of one kind of input.

    Attributes:
        kind: begins the names of its templates.
    """

    kind: str

    def context(self, row: Any, faults: Sequence[WrongField]) -> dict[str, Any]:
        """What its templates need.

        Args:
            row: what stands in the form: as it was sent, or as it was read; None for nothing.
            faults: the fields that are wrong.
        """

    def prefilled(self, query: Mapping[str, str]) -> Any:
        """The row that an address has."""

    def asked(self, answer: Answer) -> dict[str, Any]:
        """What was asked for, as a program would."""


class TextForm:
    """See PageForm. `max_chars`: that a text may have."""

    kind = "text"

    def __init__(self, metadata: Metadata, max_chars: int) -> None:
        # A bundle's known answers are sentences of its author's own, and about what the model is for.
        texts = [answer.text for answer in metadata.known_answers if isinstance(answer, KnownAnswer)]
        self._examples = list(dict.fromkeys(filter(str.strip, texts)))[:_EXAMPLES]
        self._max_chars = max_chars

    def context(self, row: Any, faults: Sequence[WrongField]) -> dict[str, Any]:  # noqa: ARG002
        """See PageForm."""
        return {"text": _encodable(row or ""), "examples": self._examples, "max_text_chars": self._max_chars}

    def prefilled(self, query: Mapping[str, str]) -> str:
        """See PageForm."""
        return query.get("text", "")

    def asked(self, answer: Answer) -> dict[str, Any]:
        """See PageForm."""
        return {"text": answer["text"]}


class FormField(NamedTuple):
    """A field as the page shows it: what it is, what stands in its control, and what is wrong with that."""

    field: NumberField | CategoryField
    value: str
    fault: WrongField | None


class FieldsForm:
    """See PageForm."""

    kind = "fields"

    def __init__(self, metadata: Metadata, fields: FieldsInput) -> None:
        self._fields = fields.fields
        self._examples = [plain_row(known.fields) for known in known_rows(metadata)[:_EXAMPLES]]

    def context(self, row: Any, faults: Sequence[WrongField]) -> dict[str, Any]:
        """See PageForm."""
        values, wrong = row if isinstance(row, Mapping) else {}, {fault.name: fault for fault in faults}
        fields = [FormField(field, _shown(values.get(field.name)), wrong.get(field.name)) for field in self._fields]
        return {"fields": fields, "examples": self._examples}

    def prefilled(self, query: Mapping[str, str]) -> Mapping[str, str]:
        """See PageForm."""
        return query

    def asked(self, answer: Answer) -> dict[str, Any]:
        """See PageForm."""
        return {"fields": answer["fields"]}


def _shown(value: FieldValue) -> str:
    return "" if value is None else _encodable(str(plain(value)))


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
