"""The app: its parts, put together."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI
from opentelemetry.trace import TracerProvider
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles
from uvicorn.config import STARTUP_FAILURE

from serving import __version__, logs
from serving.errors import BundleError, RequestError, ServingError
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

if TYPE_CHECKING:  # else it is imported only where users may correct
    from serving.feedback.service import Feedback


def create_app(
    settings: Settings | None = None,
    predictor: PredictorLike | None = None,
    tracer_provider: TracerProvider | None = None,
    feedback: "Feedback | None" = None,
) -> FastAPI:
    """The service as an ASGI app, with its model loaded, so that nothing listens before it can answer.

    Args:
        settings: where there are none, as when uvicorn calls this, they are read from the environment, and anything
            that keeps the service from starting ends the process with one sentence on stderr.
        predictor: instead of the one in `settings.model_dir`.
        tracer_provider: where the spans of requests go; by default what FastAPI's environment variables say.
        feedback: where corrections are kept, instead of where `settings.database_url` says; with `settings.feedback`.

    Raises BundleError or SettingsError where the settings were given and the service cannot start with them.
    """
    if settings is not None:
        feedback = feedback or _feedback(settings)
        return _assemble(settings, predictor or _load(settings), tracer_provider, feedback)
    try:
        settings = Settings.load()
        logs.configure(settings.log_level, settings.log_format)
        return create_app(settings, predictor, tracer_provider)
    except ServingError as error:
        sys.stderr.write(f"{error}\n")
        # By this status uvicorn's supervisor knows that starting the worker again would not help.
        raise SystemExit(STARTUP_FAILURE) from None


def _load(settings: Settings) -> Predictor:
    predictor = Predictor.load(settings.model_dir, threads=settings.inference_threads)
    if settings.feedback and predictor.fields:
        raise BundleError(
            f"{settings.model_dir} has a model of fields, and FEEDBACK is on; accepted with it are models of texts."
        )
    return predictor


def _feedback(settings: Settings) -> "Feedback | None":
    if not settings.feedback:
        return None
    from serving.feedback.service import Feedback

    return Feedback.of(settings)


def undeployed_app(
    tracer_provider: TracerProvider | None = None, documentation: Documentation = TEXTS, *, feedback: bool = False
) -> FastAPI:
    """The routes without a service behind them: enough to describe the API.

    Args:
        tracer_provider: see `create_app`.
        documentation: what is said of the routes that have to do with a model's kind of input.
        feedback: whether users may correct answers.
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
        health.router(feedback=feedback),
    ):
        app.include_router(router)
    if feedback:
        from serving.web.routes import feedback as corrections

        app.include_router(corrections.router)
    return app


def _assemble(
    settings: Settings,
    predictor: PredictorLike,
    tracer_provider: TracerProvider | None,
    feedback: "Feedback | None",
) -> FastAPI:
    app = undeployed_app(tracer_provider, feedback=settings.feedback)
    app.state.service = service = Service.of(settings, predictor, feedback)
    app.state.describe = lru_cache(1)(partial(describe, feedback=settings.feedback))
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


def describe(kind: WebInput, *, feedback: bool = False) -> dict[str, Any]:
    """The OpenAPI document of the API of a kind of input. `feedback`: whether users may correct answers."""
    documentation = kind.documentation()
    document = undeployed_app(documentation=documentation, feedback=feedback).openapi()
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
        expose_headers=[
            *(REQUEST_ID_HEADER, MODEL_VERSION_HEADER, "Retry-After", *FILE_HEADERS),
            *(["Link"] if settings.feedback else []),
        ],
    )
    return [cors]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[dict[str, object]]:
    service: Service = app.state.service
    settings, feedback = service.settings, service.feedback
    del service  # this frame would keep its model, when another has taken its place

    def take_up(predictor: PredictorLike) -> None:
        app.state.service = app.state.service.successor(predictor)

    Reloader(partial(_load, settings), take_up, settle=settings.deadline + 1).listen()
    async with _running(feedback):
        yield {LOAD_SHEDDING: app.state.load_shedding}
        await app.state.service.batcher.aclose()


@asynccontextmanager
async def _running(feedback: "Feedback | None") -> AsyncIterator[None]:
    """Makes the table of corrections and deletes old ones meanwhile, and lets go of the database at the end."""
    if feedback is None:
        yield
        return
    retention = asyncio.create_task(feedback.run_retention())
    try:
        yield
    finally:
        retention.cancel()
        await asyncio.gather(retention, return_exceptions=True)
        await feedback.aclose()
