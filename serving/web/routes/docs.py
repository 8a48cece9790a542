"""The API's documentation, where the operator has not switched it off."""

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from serving.web.state import TheService

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    return JSONResponse(request.app.openapi())


@router.get("/docs")
async def docs(request: Request, service: TheService) -> Response:
    return service.pages.docs(request, request.app.openapi())
