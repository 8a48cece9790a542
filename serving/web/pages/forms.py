"""Forms of the kinds of input: a box for a text, or a control for each field."""

from collections.abc import Mapping, Sequence
from typing import Any

from serving.errors import FieldFault, encodable
from serving.model.inputs.fields import FieldsInput
from serving.model.metadata import FieldValue, KnownAnswer, Metadata
from serving.web.inputs.fields_schemas import known_rows, plain, plain_row

_EXAMPLES = 5  # as many fit beside the form


class TextForm:
    """What the form's page asks for and shows of texts.

    Args:
        metadata: of the model.
        max_chars: that a text may have.

    Attributes:
        kind: begins the names of its templates; and what a row is called in a request and an answer.
    """

    kind = "text"

    def __init__(self, metadata: Metadata, max_chars: int) -> None:
        # A bundle's known answers are sentences of its author's own, and about what the model is for.
        texts = [answer.text for answer in metadata.known_answers if isinstance(answer, KnownAnswer)]
        self._examples = list(dict.fromkeys(filter(str.strip, texts)))[:_EXAMPLES]
        self._max_chars = max_chars

    def context(self, row: Any, faults: Sequence[FieldFault]) -> dict[str, Any]:  # noqa: ARG002
        """What its templates need.

        Args:
            row: what stands in the form: as it was sent or read, or the parameters of an address; None for nothing.
            faults: the fields that are wrong.
        """
        text = row.get("text") if isinstance(row, Mapping) else row
        return {"text": encodable(text or ""), "examples": self._examples, "max_text_chars": self._max_chars}


class FieldsForm:
    """What the form's page asks for and shows of rows of fields. See TextForm."""

    kind = "fields"

    def __init__(self, metadata: Metadata, fields: FieldsInput) -> None:
        self._fields = fields.fields
        self._examples = [plain_row(known.fields) for known in known_rows(metadata)[:_EXAMPLES]]

    def context(self, row: Any, faults: Sequence[FieldFault]) -> dict[str, Any]:
        """See TextForm."""
        values, wrong = row if isinstance(row, Mapping) else {}, {fault.name: fault for fault in faults}
        # Each with what stands in its control, and what is wrong with that.
        fields = [(field, _shown(values.get(field.name)), wrong.get(field.name)) for field in self._fields]
        return {"fields": fields, "examples": self._examples}


def _shown(value: FieldValue) -> str:
    return "" if value is None else encodable(str(plain(value)))
