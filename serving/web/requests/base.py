"""What requests for predictions have in common, whether a row of theirs is a text or fields."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import Field, ValidationInfo
from pydantic_core import PydanticCustomError
from starlette.requests import Request

from serving.errors import RequestError
from serving.settings import Settings
from serving.web.requests.body import Budget, read_body
from serving.web.requests.forms import MAX_FIELDS, Fields, parse_multipart, parse_urlencoded
from serving.web.requests.headers import FORM, JSON, content_type

MinProbability = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="where it is sent, each answer has `uncertain`: whether its label has less than this",
    ),
]


class PredictRequest(Protocol):
    """A request that was read: everything in it is accepted, but for what is `refused`.

    Attributes:
        rows: to be predicted, as the predictor takes them.
        several: whether several rows were asked for, of which there may be one.
        explain: whether the answer gives weights.
        refused: the errors of rows that are not in `rows`, by their places in the request.
    """

    @property
    def rows(self) -> Sequence[Any]:
        """See the class."""

    @property
    def several(self) -> bool:
        """See the class."""

    @property
    def explain(self) -> bool:
        """See the class."""

    @property
    def refused(self) -> Mapping[int, RequestError]:
        """See the class."""


Asked = TypeVar("Asked")


async def read_request(
    request: Request,
    settings: Settings,
    budget: Budget,
    from_json: Callable[[bytes, Settings], Asked],
    from_form: Callable[[Fields, Settings], Asked],
    max_fields: int = MAX_FIELDS,
) -> Asked:
    """Read, parse and validate the body of a request for predictions.

    Args:
        request: its body is not read yet.
        settings: the limits.
        budget: memory for bodies, shared with other requests.
        from_json: validates a JSON body.
        from_form: validates a form.
        max_fields: that a form may have.

    Raises:
        RequestError: UnsupportedMediaType, BodyTooLarge, BodyTooSlow, Overloaded, MalformedBody, or what the two raise.
    """
    media_type = content_type(request.scope["headers"])
    body = await read_body(request, settings.max_body_bytes, settings.client_timeout, budget)
    if media_type.name == JSON:
        return from_json(body, settings)
    if media_type.name == FORM:
        return from_form(parse_urlencoded(body, max_fields), settings)
    return from_form(await parse_multipart(body, media_type.boundary, max_fields), settings)


def check_count(rows: object, info: ValidationInfo[Settings]) -> object:
    """Check how many rows there are, before any of them is looked at.

    A refused request then costs the same, however many it has.
    """
    limit = info.context.max_texts
    if isinstance(rows, list) and len(rows) > limit:
        raise PydanticCustomError("too_many", "too many", {"length": len(rows), "limit": limit})
    return rows
