"""The app: its parts, put together."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles
from uvicorn.config import STARTUP_FAILURE

from serving import __version__, logs
from serving.errors import RequestError, ServingError
from serving.model.predictor import Predictor
from serving.model.types import PredictorLike
from serving.settings import Settings
from serving.web import rejections
from serving.web.auth import brings_no_credentials, require_key
from serving.web.direct_route import DirectMiddleware, LeanFastAPI, Unneeded, direct
from serving.web.error_handlers import ErrorMiddleware, render_error
from serving.web.load_shedding import STATE, Refusal
from serving.web.metrics import MetricsMiddleware
from serving.web.middleware import HEADER, HeadersMiddleware, HeadMiddleware, RequestIdMiddleware
from serving.web.openapi import DESCRIPTION, FILE_HEADERS
from serving.web.rejections import RejectionCount
from serving.web.reload import Reloader
from serving.web.routes import docs, files, health, home, model, predict
from serving.web.state import Service


def create_app(settings: Settings | None = None, predictor: PredictorLike | None = None) -> FastAPI:
    """The service as an ASGI app, with its model loaded, so that nothing listens before it can answer.

    Args:
        settings: where there are none, as when uvicorn calls this, they are read from the environment, and anything
            that keeps the service from starting ends the process with one sentence on stderr.
        predictor: instead of the one in `settings.model_dir`.

    Raises BundleError where the settings were given and their bundle cannot be served.
    """
    if settings is not None:
        return _assemble(settings, predictor or _load(settings))
    try:
        settings = Settings.load()
        logs.configure(settings.log_level)
        return create_app(settings, predictor)
    except ServingError as error:
        sys.stderr.write(f"{error}\n")
        # By this status uvicorn's supervisor knows that starting the worker again would not help.
        raise SystemExit(STARTUP_FAILURE) from None


def _load(settings: Settings) -> Predictor:
    return Predictor.load(settings.model_dir, threads=settings.inference_threads)


def undeployed_app() -> FastAPI:
    """The routes without a service behind them: enough to describe the API."""
    app = LeanFastAPI(
        title="Tweet sentiment",
        version=__version__,
        description=DESCRIPTION,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    for routes in (home, predict, files, model, health):
        app.include_router(routes.router)
    return app


def _assemble(settings: Settings, predictor: PredictorLike) -> FastAPI:
    app = undeployed_app()
    app.state.service = service = Service.of(settings, predictor)
    if settings.docs:
        app.include_router(docs.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    app.add_exception_handler(HTTPException, render_error)
    app.add_exception_handler(RequestError, render_error)
    app.user_middleware = [
        Middleware(HeadMiddleware),
        Middleware(RequestIdMiddleware),
        Middleware(HeadersMiddleware),
        Middleware(MetricsMiddleware, metrics=service.metrics),
        *_cross_origin(settings),
        Middleware(ErrorMiddleware),
        Middleware(DirectMiddleware, handlers=direct(app, ("POST", "/predict"), unneeded=_key_check(settings))),
    ]
    return app


def _key_check(settings: Settings) -> Unneeded | None:
    return None if settings.api_keys else Unneeded(require_key, passes=brings_no_credentials)


def _cross_origin(settings: Settings) -> list[Middleware]:
    if not settings.allowed_origins:
        return []
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "X-API-Key", HEADER],
        expose_headers=[HEADER, "Retry-After", *FILE_HEADERS],
    )
    return [cors]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[dict[str, object]]:
    service: Service = app.state.service
    settings = service.settings
    refusal = Refusal(service.admission, service.metrics, cross_origin=bool(settings.allowed_origins))
    state: dict[str, object] = {STATE: refusal, rejections.STATE: RejectionCount(service.metrics)}
    del service  # this frame would keep its model, when another has taken its place

    def take_up(predictor: PredictorLike) -> None:
        app.state.service = app.state.service.successor(predictor)

    Reloader(partial(_load, settings), take_up, settle=settings.deadline + 1).listen()
    yield state
    await app.state.service.batcher.aclose()
