"""The API's documentation, where the operator has not switched it off."""

import re
from base64 import b64encode
from hashlib import sha256

from fastapi import APIRouter, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import JSONResponse

from serving.pages import SAFE, root_path

router = APIRouter(include_in_schema=False)

_CDN = "https://cdn.jsdelivr.net"


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    return JSONResponse(request.app.openapi())


@router.get("/docs")
async def docs(request: Request) -> Response:
    root = root_path(request)
    page = get_swagger_ui_html(
        openapi_url=f"{root}/openapi.json",
        title=request.app.title,
        swagger_favicon_url=f"{root}/static/favicon.svg",
    )
    page.headers.update(SAFE | {"Content-Security-Policy": _policy(bytes(page.body).decode())})
    return page


def _policy(page: str) -> str:
    """Lets Swagger UI work: its files from their host, its own inline styles, and the page's script by its hash."""
    scripts = [sha256(script.encode()).digest() for script in re.findall(r"<script>(.*?)</script>", page, re.DOTALL)]
    hashes = " ".join(f"'sha256-{b64encode(digest).decode()}'" for digest in scripts)
    return (
        f"default-src 'none'; script-src {_CDN} {hashes}; style-src {_CDN} 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
