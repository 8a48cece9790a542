"""The root route: links for a program, the form for a browser."""

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from serving import __version__
from serving.settings import Settings
from serving.web.pages.render import root_path
from serving.web.requests.headers import VARY
from serving.web.schemas import ServiceAnswer
from serving.web.state import CurrentSettings, WantsPage

router = APIRouter(tags=["service"])

_LINKS = ("predict", "model", "healthz", "readyz", "metrics")
_DOCUMENTATION = ("docs", "openapi.json")


@router.get(
    "/",
    summary="What this service is",
    response_description="Its name, version and links.",
    response_model=ServiceAnswer,
    responses={307: {"description": "A browser goes on to the form."}},
)
async def home(request: Request, settings: CurrentSettings, wants_page: WantsPage) -> Response:
    """Tell a program where to go on from here, and send a browser to the form."""
    if wants_page:
        # Relative where no prefix is known, for a proxy may cut one off and not tell.
        return RedirectResponse(f"{root_path(request) or '.'}/predict", headers=VARY)
    answer = ServiceAnswer(name="tweet-sentiment", version=__version__, links=links(request, settings))
    return Response(answer.model_dump_json(), headers=VARY, media_type="application/json")


def links(request: Request, settings: Settings) -> dict[str, str]:
    """The service's addresses by name, as paths."""
    names = _LINKS + (("feedback",) if settings.feedback else ()) + (_DOCUMENTATION if settings.docs else ())
    return {name.removesuffix(".json"): f"{root_path(request)}/{name}" for name in names}
