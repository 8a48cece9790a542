"""The app: its parts, put together."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI
from opentelemetry.trace import TracerProvider
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles
from uvicorn.config import STARTUP_FAILURE

from serving import __version__, logs
from serving.errors import RequestError, ServingError
from serving.model.predictor import Predictor, PredictorLike
from serving.settings import Settings
from serving.web.error_handlers import render_error
from serving.web.inputs.kinds import WebInput
from serving.web.load_shedding import LOAD_SHEDDING, LoadShedding, LoadSheddingMiddleware, RefusalCounter
from serving.web.middleware import REQUEST_ID_HEADER, RequestContextMiddleware
from serving.web.openapi import FILE_HEADERS, TEXTS, Documentation
from serving.web.reload import Reloader
from serving.web.requests.headers import MODEL_VERSION_HEADER
from serving.web.routes import docs, files, health, home, model, predict
from serving.web.state import Service
from serving.web.tracing import TracedApp, TraceMiddleware, telemetry_config


def create_app(
    settings: Settings | None = None,
    predictor: PredictorLike | None = None,
    tracer_provider: TracerProvider | None = None,
) -> FastAPI:
    """The service as an ASGI app, with its model loaded, so that nothing listens before it can answer.

    Args:
        settings: where there are none, as when uvicorn calls this, they are read from the environment, and anything
            that keeps the service from starting ends the process with one sentence on stderr.
        predictor: instead of the one in `settings.model_dir`.
        tracer_provider: where the spans of requests go; by default what FastAPI's environment variables say.

    Raises BundleError where the settings were given and their bundle cannot be served.
    """
    if settings is not None:
        return _assemble(settings, predictor or _load(settings), tracer_provider)
    try:
        settings = Settings.load()
        logs.configure(settings.log_level, settings.log_format)
        return create_app(settings, predictor, tracer_provider)
    except ServingError as error:
        sys.stderr.write(f"{error}\n")
        # By this status uvicorn's supervisor knows that starting the worker again would not help.
        raise SystemExit(STARTUP_FAILURE) from None


def _load(settings: Settings) -> Predictor:
    return Predictor.load(settings.model_dir, threads=settings.inference_threads)


def undeployed_app(tracer_provider: TracerProvider | None = None, documentation: Documentation = TEXTS) -> FastAPI:
    """The routes without a service behind them: enough to describe the API.

    Args:
        tracer_provider: see `create_app`.
        documentation: what is said of the routes that have to do with a model's kind of input.
    """
    telemetry = telemetry_config(tracer_provider)
    app = (TracedApp if telemetry["tracing"] else FastAPI)(
        title="Tweet sentiment",
        version=__version__,
        description=documentation.description,
        servers=[{"url": "."}],  # where the document is: a proxy may have put both under a path
        openapi_url=None,
        redirect_slashes=False,
        telemetry=telemetry,
        lifespan=_lifespan,
    )
    for router in (
        home.router,
        predict.router(documentation),
        files.router(documentation),
        model.router,
        health.router,
    ):
        app.include_router(router)
    return app


def _assemble(settings: Settings, predictor: PredictorLike, tracer_provider: TracerProvider | None) -> FastAPI:
    app = undeployed_app(tracer_provider)
    app.state.service = service = Service.of(settings, predictor)
    app.state.describe = lru_cache(1)(describe)
    app.state.load_shedding = load_shedding = LoadShedding(
        service.admission,
        RefusalCounter(service.metrics),
        lambda: cast(Service, app.state.service).version_header,
        before_app=not settings.allowed_origins,
    )
    if settings.docs:
        app.include_router(docs.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    app.add_exception_handler(HTTPException, render_error)
    app.add_exception_handler(RequestError, render_error)
    app.user_middleware = [
        *([Middleware(TraceMiddleware)] if isinstance(app, TracedApp) else []),
        *_cross_origin(settings),
        Middleware(LoadSheddingMiddleware, load_shedding=load_shedding),
        Middleware(RequestContextMiddleware, metrics=service.metrics, render_error=render_error),
        Middleware(predict.PlainRouteMiddleware),
    ]
    return app


def describe(kind: WebInput) -> dict[str, Any]:
    """The OpenAPI document of the API of a kind of input."""
    documentation = kind.documentation()
    document = undeployed_app(documentation=documentation).openapi()
    document["components"]["schemas"] |= documentation.schemas
    return document


def _cross_origin(settings: Settings) -> list[Middleware]:
    if not settings.allowed_origins:
        return []
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "X-API-Key", REQUEST_ID_HEADER],
        expose_headers=[REQUEST_ID_HEADER, MODEL_VERSION_HEADER, "Retry-After", *FILE_HEADERS],
    )
    return [cors]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[dict[str, object]]:
    service: Service = app.state.service
    settings = service.settings
    del service  # this frame would keep its model, when another has taken its place

    def take_up(predictor: PredictorLike) -> None:
        app.state.service = app.state.service.successor(predictor)

    Reloader(partial(_load, settings), take_up, settle=settings.deadline + 1).listen()
    yield {LOAD_SHEDDING: app.state.load_shedding}
    await app.state.service.batcher.aclose()
