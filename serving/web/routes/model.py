"""What the model says of itself."""

import asyncio
import re
from base64 import b64encode
from hashlib import sha256

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from serving.model.metadata import Metadata
from serving.web.auth import require_key
from serving.web.openapi import KEY_ERRORS, MODEL_AS_PAGE
from serving.web.pages.model_page import Report
from serving.web.pages.render import SAFE
from serving.web.requests.headers import VARY
from serving.web.state import Service, TheService, WantsPage

router = APIRouter(tags=["predictions"], dependencies=[Depends(require_key)])

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


@router.get(
    "/model",
    summary="The model: its labels, version, metrics, recipe and data",
    response_model=Metadata,
    responses=MODEL_AS_PAGE | KEY_ERRORS,
)
async def model(request: Request, response: Response, service: TheService, wants_page: WantsPage) -> object:
    if wants_page:
        return service.pages.model(request, await _report(service))
    response.headers.update(VARY)
    return service.metadata


@router.get("/model/report", include_in_schema=False)
async def report(service: TheService) -> Response:
    """The bundle's own page, which is shut off from this service: it can do nothing but show itself."""
    found = await _report(service)
    if found is None:
        raise HTTPException(404)
    return HTMLResponse(found.page, headers=SAFE | {"Content-Security-Policy": _policy(found.page)})


async def _report(service: Service) -> Report | None:
    return await asyncio.to_thread(Report.read, service.settings.model_dir, service.metadata.model_version)


def _policy(page: str) -> str:
    digests = [sha256(style.encode()).digest() for style in _STYLE.findall(page)]
    styles = " ".join(f"'sha256-{b64encode(digest).decode()}'" for digest in digests) or "'none'"
    return (
        f"default-src 'none'; style-src {styles}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
    )
