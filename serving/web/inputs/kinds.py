"""Kinds of input on the web: how requests for rows of each are read, answered and described."""

from collections.abc import Awaitable, Sequence
from typing import Any, Protocol

from starlette.requests import Request

from serving.model.inputs.fields import FieldsInput
from serving.model.metadata import Metadata
from serving.model.types import Prediction
from serving.settings import Settings
from serving.web.inputs import fields_openapi
from serving.web.inputs.fields_schemas import predicted_row, refused_row
from serving.web.openapi import TEXTS, Documentation
from serving.web.requests.base import PredictRequest, read_request
from serving.web.requests.body import Budget
from serving.web.requests.fields_request import FieldsReader, RowsAsked
from serving.web.requests.predict_request import TextsAsked, asked_min_probability, from_form, from_json
from serving.web.schemas import USAGE, Answer, predicted_texts, refused_text, with_refused


class WebInput(Protocol):
    """The web side of a kind of input.

    Attributes:
        noun: what rows are called in a sentence.
        usage: a sentence that tells how to ask.
    """

    noun: str
    usage: str

    def read(self, request: Request, settings: Settings, budget: Budget) -> Awaitable[PredictRequest]:
        """Read, parse and validate a request whose body is not read yet; see `read_request`."""

    def answers(self, asked: Any, predictions: Sequence[Prediction]) -> list[Answer]:
        """What is answered to a request that `read` gave, one for each of its rows, refused ones too.

        Args:
            asked: the request.
            predictions: one for each row that was not refused.
        """

    def example(self) -> dict[str, Any]:
        """A JSON body to send."""

    def documentation(self) -> Documentation:
        """What OpenAPI says of the routes whose requests or answers have rows."""


class WebTexts:
    """The web side of texts."""

    noun = "texts"
    usage = USAGE

    def read(self, request: Request, settings: Settings, budget: Budget) -> Awaitable[TextsAsked]:
        """See WebInput."""
        return read_request(request, settings, budget, from_json, from_form)

    def answers(self, asked: TextsAsked, predictions: Sequence[Prediction]) -> list[Answer]:
        """See WebInput."""
        answers = predicted_texts(asked.rows, predictions, asked_min_probability(asked))
        return with_refused(answers, asked.refused, refused_text) if asked.refused else answers

    def example(self) -> dict[str, Any]:
        """See WebInput."""
        return {"text": "What a wonderful morning!"}

    def documentation(self) -> Documentation:
        """See WebInput."""
        return TEXTS


class WebFields:
    """The web side of rows of fields.

    Args:
        fields: of the model.
        metadata: of the model; its known answers are examples.
    """

    noun = "rows"
    usage = fields_openapi.USAGE

    def __init__(self, fields: FieldsInput, metadata: Metadata) -> None:
        self._fields, self._metadata, self._reader = fields, metadata, FieldsReader(fields)

    def read(self, request: Request, settings: Settings, budget: Budget) -> Awaitable[RowsAsked]:
        """See WebInput."""
        reader = self._reader
        return read_request(request, settings, budget, reader.from_json, reader.from_form, reader.max_form_fields)

    def answers(self, asked: RowsAsked, predictions: Sequence[Prediction]) -> list[Answer]:
        """See WebInput."""
        answered = zip(asked.rows, predictions, strict=True)
        answers = [predicted_row(row, prediction, asked.min_probability) for row, prediction in answered]
        return with_refused(answers, asked.refused, refused_row)

    def example(self) -> dict[str, Any]:
        """See WebInput."""
        return {"fields": fields_openapi.example_answers(self._metadata)[0]["fields"]}

    def documentation(self) -> Documentation:
        """See WebInput."""
        return fields_openapi.documentation(self._fields, self._metadata)


def web_input(fields: FieldsInput | None, metadata: Metadata) -> WebInput:
    """The web side of a model's input. `fields`: of the model; None where a row is a text."""
    return WebTexts() if fields is None else WebFields(fields, metadata)
