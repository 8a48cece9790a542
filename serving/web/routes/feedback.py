"""Routes of corrections: sent by users, read and deleted by the operator. Only where FEEDBACK is on."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from serving.errors import FeedbackUnavailable, Forbidden
from serving.feedback.corrections import ID
from serving.feedback.export import to_csv
from serving.feedback.service import Feedback
from serving.web.auth import require_feedback_key, require_key
from serving.web.feedback_openapi import ADDED, DELETED, LISTED
from serving.web.inputs.kinds import read_request
from serving.web.requests.feedback_request import CorrectionReader, PageRequest, page_request
from serving.web.requests.headers import CSV, JSON, VARY, first, joined, prefers_csv
from serving.web.schemas import CorrectionAnswer, CorrectionsAnswer, NotedAnswer
from serving.web.state import CurrentService, CurrentSettings, WantsPage

router = APIRouter(tags=["feedback"])

_NO_STORE = {"Cache-Control": "no-store"}


async def _feedback(service: CurrentService) -> Feedback:
    assert service.feedback is not None
    return service.feedback


CurrentFeedback = Annotated[Feedback, Depends(_feedback)]


async def refuse_other_sites(request: Request, settings: CurrentSettings) -> None:
    """A dependency that refuses what another site's page has its visitor's browser send, unless that may call the API.

    A resource isolation policy by Fetch Metadata, see https://web.dev/articles/fetch-metadata and
    https://www.w3.org/TR/fetch-metadata/. Browsers send it over TLS and to localhost; other clients do not.

    Raises:
        Forbidden: it comes from such a page.
    """
    headers = request.scope["headers"]
    if first(headers, b"sec-fetch-site") != "cross-site":
        return
    if not {first(headers, b"origin"), "*"}.intersection(settings.allowed_origins):
        raise Forbidden(
            "The correction comes from another site's page; accepted are those of this service's own pages, and of "
            "the origins in ALLOWED_ORIGINS.",
            code="cross_site",
        )


@router.post("/feedback", dependencies=[Depends(refuse_other_sites), Depends(require_key)], **ADDED)
async def add_correction(
    request: Request, service: CurrentService, feedback: CurrentFeedback, wants_page: WantsPage
) -> Response:
    """Answers as soon as the correction is kept. The same one again is kept once, and has the same id."""
    reader = CorrectionReader(service.metadata.labels)
    correction = await read_request(request, reader, service.settings, service.budget)
    try:
        identifier = await feedback.add(correction)
    except FeedbackUnavailable:
        service.metrics.count_correction("unavailable")
        raise
    service.metrics.count_correction("kept")
    if wants_page:
        return service.pages.noted(request, correction.correct)
    answer = NotedAnswer(id=identifier)
    return Response(answer.model_dump_json(), HTTPStatus.CREATED, VARY, media_type=JSON)


@router.get("/feedback", dependencies=[Depends(require_feedback_key)], **LISTED)
async def list_corrections(request: Request, feedback: CurrentFeedback) -> Response:
    """The oldest come first. `next`, and the header `Link` (RFC 8288), lead to those after them."""
    asked = page_request(request.query_params)
    # One more than is shown tells whether there is another page.
    found = await feedback.page(asked.limit + 1, asked.after or None)
    page, more = found[: asked.limit], len(found) > asked.limit
    address = _address(asked, page[-1].cursor) if more else None
    headers = VARY | _NO_STORE | ({"Link": f'<{address}>; rel="next"'} if address else {})
    if asked.format == "csv" or (not asked.format and prefers_csv(joined(request.scope["headers"], b"accept"))):
        headers["Content-Disposition"] = 'attachment; filename="corrections.csv"'
        return Response(to_csv(page), headers=headers, media_type=CSV)
    corrections = [CorrectionAnswer.model_validate(correction, from_attributes=True) for correction in page]
    answer = CorrectionsAnswer(corrections=corrections, next=address)
    return Response(answer.model_dump_json(), headers=headers, media_type=JSON)


def _address(asked: PageRequest, cursor: str) -> str:
    """The next page's, relative to this one's: a proxy may have put both under a path."""
    query = {"limit": asked.limit, "after": cursor} | ({"format": asked.format} if asked.format else {})
    return f"feedback?{urlencode(query)}"


@router.delete("/feedback/{id}", dependencies=[Depends(require_feedback_key)], **DELETED)
async def delete_correction(request: Request, feedback: CurrentFeedback) -> Response:
    """Whoever sent it can ask the operator for that, by its id."""
    identifier = request.path_params["id"]
    # Of what is no id the database need not be asked, which would refuse some characters.
    if not (ID.fullmatch(identifier) and await feedback.delete(identifier)):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return Response(status_code=HTTPStatus.NO_CONTENT)
