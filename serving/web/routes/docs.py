"""API documentation, where the operator has not switched it off: the OpenAPI document, and Swagger UI on it.

Swagger UI's files come from the package fastapi-swagger, which follows each of its releases and needs only FastAPI.
Nothing of that package is run.
"""

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse
from starlette.staticfiles import StaticFiles

from serving.web.pages.render import root_path
from serving.web.state import CurrentService

router = APIRouter(include_in_schema=False)
router.mount("/docs/static", StaticFiles(packages=[("fastapi_swagger", "resources")]))


@router.get("/openapi.json")
async def openapi(request: Request, service: CurrentService) -> Response:
    """Answer with the OpenAPI document, whose paths are below this service's prefix, or beside the document."""
    document = request.app.state.describe(service.input)
    root = root_path(request)
    return JSONResponse(document | {"servers": [{"url": root}]} if root else document)


@router.get("/docs")
async def docs(request: Request, service: CurrentService) -> Response:
    """Show Swagger UI."""
    return service.pages.docs(request)
