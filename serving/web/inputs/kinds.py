"""Kinds of input on the web: how requests for rows of each are read, answered and described."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from starlette.requests import Request

from serving.model.inputs.fields import FieldsInput
from serving.model.metadata import Metadata
from serving.model.types import Prediction
from serving.settings import Settings
from serving.web.inputs import fields_openapi
from serving.web.inputs.fields_schemas import predicted_row, refused_row
from serving.web.openapi import TEXTS, Documentation
from serving.web.requests.body import Budget, read_body
from serving.web.requests.fields_request import FieldsReader
from serving.web.requests.forms import MAX_FIELDS, Fields, parse_multipart, parse_urlencoded
from serving.web.requests.headers import FORM, JSON, content_type
from serving.web.requests.predict_request import asked_min_probability, from_form, from_json
from serving.web.schemas import USAGE, Answer, predicted_texts, refused_text, with_refused


class WebTexts:
    """The web side of texts.

    Attributes:
        noun: what rows are called in a sentence.
        usage: a sentence that tells how to ask.
        example: a JSON body to send.
        max_form_fields: that a form may have.
        from_json: validates a JSON body.
        from_form: validates a form.
    """

    noun, usage, max_form_fields = "texts", USAGE, MAX_FIELDS
    example = {"text": "What a wonderful morning!"}  # noqa: RUF012 -- nobody changes it
    from_json, from_form = staticmethod(from_json), staticmethod(from_form)

    def answers(self, asked: Any, predictions: Sequence[Prediction], min_probability: float | None) -> list[Answer]:
        """What is answered to a request, one for each of its rows, refused ones too.

        Args:
            asked: what one of the two validated.
            predictions: one for each row that was not refused.
            min_probability: where the request has none of its own; None for none.
        """
        answers = predicted_texts(asked.rows, predictions, asked_min_probability(asked, min_probability))
        refused = {place: refused_text(error) for place, error in asked.refused.items()}
        return with_refused(answers, refused) if refused else answers

    def documentation(self) -> Documentation:
        """What OpenAPI says of the routes whose requests or answers have rows."""
        return TEXTS


class WebFields(FieldsReader):
    """The web side of rows of fields. See WebTexts.

    Args:
        fields: of the model.
        metadata: of the model; its known answers are examples.
    """

    noun, usage = "rows", fields_openapi.USAGE

    def __init__(self, fields: FieldsInput, metadata: Metadata) -> None:
        super().__init__(fields)
        self._metadata = metadata
        self.example = {"fields": fields_openapi.example_answers(metadata)[0]["fields"]}

    def answers(self, asked: Any, predictions: Sequence[Prediction], min_probability: float | None) -> list[Answer]:
        """See WebTexts."""
        answered = zip(asked.rows, predictions, strict=True)
        least = min_probability if asked.min_probability is None else asked.min_probability
        answers = [predicted_row(row, prediction, least) for row, prediction in answered]
        return with_refused(answers, {place: refused_row(error) for place, error in asked.refused.items()})

    def documentation(self) -> Documentation:
        """See WebTexts."""
        return fields_openapi.documentation(self.input, self._metadata)


WebInput = WebTexts | WebFields


def web_input(fields: FieldsInput | None, metadata: Metadata) -> WebInput:
    """The web side of a model's input. `fields`: of the model; None where a row is a text."""
    return WebTexts() if fields is None else WebFields(fields, metadata)


Asked = TypeVar("Asked", covariant=True)


class RequestReader(Protocol[Asked]):
    """Validates JSON and forms."""

    @property
    def max_form_fields(self) -> int:
        """How many fields a form may have."""

    def from_json(self, body: bytes, settings: Settings) -> Asked:
        """Validate a JSON body. Raises RequestError."""

    def from_form(self, fields: Fields, settings: Settings) -> Asked:
        """Validate a form. Raises RequestError."""


async def read_request(request: Request, reader: RequestReader[Asked], settings: Settings, budget: Budget) -> Asked:
    """Read, parse and validate the body of a request.

    Args:
        request: its body is not read yet.
        reader: of what is asked for: of predictions a kind of input.
        settings: the limits.
        budget: memory for bodies, shared with other requests.

    Raises:
        RequestError: UnsupportedMediaType, BodyTooLarge, BodyTooSlow, Overloaded, MalformedBody, or what the
            reader raises.
    """
    media_type = content_type(request.scope["headers"])
    body = await read_body(request, settings.max_body_bytes, settings.client_timeout, budget)
    if media_type.name == JSON:
        return reader.from_json(body, settings)
    if media_type.name == FORM:
        return reader.from_form(parse_urlencoded(body, reader.max_form_fields), settings)
    return reader.from_form(await parse_multipart(body, media_type.boundary, reader.max_form_fields), settings)
