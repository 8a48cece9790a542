"""What handlers ask for by name. All of it is async: FastAPI would run a plain function in a thread."""

from typing import Annotated

from fastapi import Depends, Request

from serving.negotiation import prefers_html
from serving.raw_headers import joined
from serving.service import Service
from serving.settings import Settings


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


def prefers_page(request: Request) -> bool:
    """Whether the client prefers HTML to JSON."""
    return prefers_html(joined(request.scope["headers"], b"accept"))


async def _wants_page(request: Request) -> bool:
    return prefers_page(request)


WantsPage = Annotated[bool, Depends(_wants_page)]
