"""Routes about the model: metadata, report and plots."""

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
from serving.web.pages.model_page import Report, read_plot
from serving.web.pages.render import PAGE_HEADERS
from serving.web.requests.headers import VARY
from serving.web.state import CurrentService, Service, WantsPage

router = APIRouter(tags=["predictions"], dependencies=[Depends(require_key)])

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)

# A bundle may come from anywhere: its files can do nothing but show themselves.
_SHUT_OFF = (
    "default-src 'none'; style-src {styles}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
)


@router.get(
    "/model",
    summary="The model: its labels, version, metrics, recipe and data",
    response_model=Metadata,
    responses=MODEL_AS_PAGE | KEY_ERRORS,
)
async def model(request: Request, response: Response, service: CurrentService, wants_page: WantsPage) -> object:
    """Answer with the bundle's `metadata.json`, or with a page about it."""
    if wants_page:
        return service.pages.model(request, await _report(service))
    response.headers.update(VARY)
    return service.metadata


@router.get("/model/report", include_in_schema=False)
async def report(service: CurrentService) -> Response:
    """The bundle's own page."""
    report = await _report(service)
    if report is None:
        raise HTTPException(404)
    return HTMLResponse(report.page, headers=_shut_off(_digests(report.page)))


@router.get("/model/plots/{name}", include_in_schema=False)
async def plot(name: str, service: CurrentService) -> Response:
    """One of the report's plots, as an SVG."""
    svg = await asyncio.to_thread(read_plot, service.settings.model_dir, name)
    if svg is None:
        raise HTTPException(404)
    return Response(svg, media_type="image/svg+xml", headers=_shut_off("'unsafe-inline'"))


async def _report(service: Service) -> Report | None:
    return await asyncio.to_thread(Report.read, service.settings.model_dir, service.metadata.model_version)


def _shut_off(styles: str) -> dict[str, str]:
    return PAGE_HEADERS | {"Content-Security-Policy": _SHUT_OFF.format(styles=styles)}


def _digests(page: str) -> str:
    """The sources of a policy that lets the page's own style elements through, and nothing else."""
    digests = [sha256(style.encode()).digest() for style in _STYLE.findall(page)]
    return " ".join(f"'sha256-{b64encode(digest).decode()}'" for digest in digests) or "'none'"
