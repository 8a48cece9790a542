"""Traces: FastAPI's own OpenTelemetry support, without anything that a user wrote.

FastAPI's variable switches them on. By itself it would put each request's path and query into a span, and in both a
text may stand (`/predict?text=...`); so may it in `tracestate`, a header that becomes a part of the span. So it is
handed requests without them, and what a span says instead is the template of the route.
"""

import os

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from opentelemetry.trace import Span, TracerProvider, get_current_span
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.web.requests.headers import MODEL_VERSION_HEADER, first

SWITCH = "FASTAPI_OTEL_AUTO_CONFIGURE"

# By this attribute the spans of a fleet of several models are told apart.
MODEL_VERSION = "tweet_sentiment.model_version"

# What machines ask every few seconds.
UNTRACED = {"/healthz", "/readyz", "/metrics"}

_ADDRESS = "serving.address"  # in the scope: path and query


def telemetry_config(tracer_provider: TracerProvider | None = None) -> TelemetryConfig:
    """FastAPI's settings: a span for each request where traces are wanted, and no metrics or logs.

    Prometheus has metrics already. FastAPI's logs hold the messages of exceptions, in which texts may stand.

    Args:
        tracer_provider: where spans go, whatever the environment says; None for what it says.
    """
    # For each request FastAPI would ask whether somebody has set OpenTelemetry up, for a twentieth of its time.
    tracing = tracer_provider is not None or os.environ.get(SWITCH, "").lower() == "true"
    return TelemetryConfig(
        tracing=tracing,
        metrics=False,
        logs=False,
        operation_spans=False,
        tracer_provider=tracer_provider,
        exclude=_is_untraced,
    )


class TracedApp(FastAPI):
    """A FastAPI app whose traces are handed no address and no tracestate.

    A TraceMiddleware gives the address back to what is inside. Nothing there reads the other.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or the lifespan (ASGI)."""
        if scope["type"] == "http":
            headers = [header for header in scope["headers"] if header[0] != b"tracestate"]
            address = (scope["path"], scope["query_string"])
            scope = {**scope, "path": "", "query_string": b"", "headers": headers, _ADDRESS: address}
        await super().__call__(scope, receive, send)


class TraceMiddleware:
    """Gives a TracedApp's request its address back, and its span the route and the version of the model.

    FastAPI itself knows no route that Starlette serves, such as the busiest one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI)."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["path"], scope["query_string"] = scope.pop(_ADDRESS)
        span = get_current_span()

        async def send_traced(message: Message) -> None:
            if message["type"] == "http.response.start":
                _describe(span, scope, message)
            await send(message)

        await self.app(scope, receive, send_traced if span.is_recording() else send)


def _describe(span: Span, scope: Scope, message: Message) -> None:
    path = getattr(scope.get("route"), "path", None)
    if path is not None:
        route = scope.get("root_path", "") + path
        span.update_name(f"{scope['method']} {route}")
        span.set_attributes({"http.route": route, "url.path": route})
    if version := first(message.get("headers", ()), MODEL_VERSION_HEADER.lower().encode()):
        span.set_attribute(MODEL_VERSION, version)


def _is_untraced(scope: Scope) -> bool:
    path: str = scope[_ADDRESS][0]
    return path.removeprefix(scope.get("root_path", "")) in UNTRACED
