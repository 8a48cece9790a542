"""What the service counts, for Prometheus."""

from collections.abc import Callable, Sequence
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.metadata import Metadata
from serving.predictor import Prediction

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

CLIENT_GONE = 499
"""The status counted for a client that left before its answer; nginx's convention, never sent."""


class Metrics:
    """One app's metrics, in a registry of their own, so that two apps in one process do not add up.

    Args:
        metadata: the model's; its labels are counted from 0, so that a rate exists before the first prediction.
        load: tells how many texts wait or are in work.
    """

    def __init__(self, metadata: Metadata, load: Callable[[], int]) -> None:
        registry = self._registry = CollectorRegistry()
        self._requests = Counter("http_requests", "Requests", ["method", "route", "status"], registry=registry)
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "From request to end of answer",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._predictions = Counter("predictions", "Predictions", ["label"], registry=registry)
        for label in metadata.labels:
            self._predictions.labels(label)
        Gauge("queue_texts", "Texts that wait or are in work", registry=registry).set_function(load)
        model = Info("model", "The model that answers", registry=registry)
        model.info({"name": metadata.name, "version": metadata.model_version})
        ProcessCollector(registry=registry)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method if method in _METHODS else "other", route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def count_predictions(self, predictions: Sequence[Prediction]) -> None:
        for prediction in predictions:
            self._predictions.labels(prediction.label).inc()

    def expose(self, accept: str) -> tuple[bytes, str]:
        """All figures in the text format that the `Accept` value asks for, and its media type."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


class MetricsMiddleware:
    """Counts and times every request by its route's template: never by its path, whose values have no bound."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = CLIENT_GONE
        start = perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            self._metrics.count_request(scope["method"], _template(scope), status, perf_counter() - start)


def _template(scope: Scope) -> str:
    if isinstance(scope.get("endpoint"), StaticFiles):
        return "/static"
    return getattr(scope.get("route"), "path", "unmatched")
