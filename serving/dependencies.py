"""What handlers ask for by name. All of it is async: FastAPI would run a plain function in a thread."""

from typing import Annotated

from fastapi import Depends, Request

from serving.negotiation import prefers_html
from serving.service import Service
from serving.settings import Settings
from serving.texts import Submission, read_submission


def service_of(request: Request) -> Service:
    """The service that the request's app runs."""
    service: Service = request.app.state.service
    return service


async def _service(request: Request) -> Service:
    return service_of(request)


TheService = Annotated[Service, Depends(_service)]


async def _settings(service: TheService) -> Settings:
    return service.settings


SettingsInUse = Annotated[Settings, Depends(_settings)]


async def _submission(request: Request, settings: SettingsInUse) -> Submission:
    return await read_submission(request, settings)


Submitted = Annotated[Submission, Depends(_submission)]


async def wants_page(request: Request) -> bool:
    """Whether the client prefers HTML to JSON."""
    return prefers_html(",".join(request.headers.getlist("accept")))


WantsPage = Annotated[bool, Depends(wants_page)]
