"""Prometheus metrics of the service, of one process or of all its workers."""

import os
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from serving.model.metadata import Metadata
from serving.model.types import Prediction


class WorkersCollector(Collector):
    """The library's process figures (memory, processor time, open files) of every worker, each by its pid.

    A worker is what keeps a gauge of its own in `shared`, the folder where the workers' figures come together.
    """

    def __init__(self, shared: Path) -> None:
        self._shared = shared

    def collect(self) -> Iterable[Metric]:
        """One metric for each figure, with a sample for each worker."""
        metrics: dict[str, Metric] = {}
        for pid in sorted({file.stem.rpartition("_")[2] for file in self._shared.glob("gauge_live*_*.db")}):
            for figure in _figures(pid):
                metric = metrics.setdefault(figure.name, Metric(figure.name, figure.documentation, figure.type))
                metric.samples += [sample._replace(labels={"pid": pid}) for sample in figure.samples]
        return metrics.values()


def _figures(pid: str) -> Iterable[Metric]:
    return ProcessCollector(pid=lambda: pid, registry=None).collect()


OUTCOMES = ("kept", "unavailable")  # of corrections
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)

_SHARED = "PROMETHEUS_MULTIPROC_DIR"

CLIENT_GONE = 499  # counted for a client that left before its answer; nginx's convention, never sent


class Metrics:
    """One app's metrics, in a registry of their own, so that two apps in one process do not add up.

    Where the variable PROMETHEUS_MULTIPROC_DIR was set before this module was imported, as `serving.server` does for
    several workers, they are those of all of the workers together, whichever of them is asked.

    Args:
        metadata: the model's; its labels are counted from 0, so that a rate exists before the first prediction.
        load: tells how many texts wait or are in work.
        feedback: whether there are figures of corrections.
    """

    def __init__(self, metadata: Metadata, load: Callable[[], int], *, feedback: bool = False) -> None:
        registry = self._registry = CollectorRegistry()
        self._load = load
        self._requests = Counter("http_requests", "Requests", ["method", "route", "status"], registry=registry)
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "From request to end of answer",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._predictions = Counter("predictions", "Predictions", ["label"], registry=registry)
        self._truncated = Counter("truncated_texts", "Texts whose end the model did not read", registry=registry)
        self._cut = Counter("truncated_tokens", "Tokens that the model did not read", registry=registry)
        self._batches = Histogram("batch_texts", "Texts computed at once", buckets=_TEXTS, registry=registry)
        self._queue = Gauge(
            "queue_texts", "Texts that wait or are in work", registry=registry, multiprocess_mode="livesum"
        )
        self._model = Gauge(
            "model_info", "The model that answers", ["name", "version"], registry=registry, multiprocess_mode="livemax"
        )
        if feedback:
            self._corrections = Counter("corrections", "Corrections", ["outcome"], registry=registry)
            self._database = Gauge(
                "feedback_database_available",
                "Whether the database of corrections answered when it was last asked; 0 before",
                registry=registry,
                multiprocess_mode="livemostrecent",
            )
            for outcome in OUTCOMES:
                self._corrections.labels(outcome)
        self._counter = cache(self._requests.labels)
        self._timer = cache(self._seconds.labels)
        self._label = cache(self._predictions.labels)
        self.take_up(metadata)
        if _shared():
            self._registry = CollectorRegistry()
            MultiProcessCollector(self._registry)  # type: ignore[no-untyped-call]
            self._registry.register(WorkersCollector(Path(os.environ[_SHARED])))
        else:
            ProcessCollector(registry=registry)

    def take_up(self, metadata: Metadata) -> None:
        """From now on this model answers. One that answered before stays, with 0."""
        for metric in self._model.collect():
            for sample in metric.samples:
                self._model.labels(**sample.labels).set(0)
        self._model.labels(metadata.name, metadata.model_version).set(1)
        for label in metadata.labels:
            self._label(label)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request of one of METHODS, or "other", by its route's template, and how long it took."""
        self._counter(method, route, str(status)).inc()
        self._timer(route).observe(seconds)

    def count_refusal(self, method: str, route: str, status: int) -> None:
        """Count a request that is answered before the app's routes.

        Its time, which is next to none, is not among the durations: a flood of such would hide how long others take.
        """
        self._counter(method, route, str(status)).inc()

    def count_predictions(self, predictions: Sequence[Prediction]) -> None:
        """Count these by their labels, and what of their texts was cut off."""
        for prediction in predictions:
            self._label(prediction.label).inc()
            if prediction.truncated:
                self._truncated.inc()
                self._cut.inc(prediction.cut)

    def count_correction(self, outcome: str) -> None:
        """Count a correction by one of OUTCOMES."""
        self._corrections.labels(outcome).inc()

    def show_database(self, available: bool) -> None:
        """The database of corrections was asked, and answered or did not."""
        self._database.set(available)

    def count_batch(self, texts: int) -> None:
        """A batch of so many texts is done."""
        self._batches.observe(texts)

    def show_load(self, texts: int) -> None:
        """So many texts wait or are in work: what another worker, which cannot ask this one, reports of it."""
        self._queue.set(texts)

    def expose(self, accept: str) -> tuple[bytes, str]:
        """All figures in the text format that the `Accept` value asks for, and its media type."""
        self.show_load(self._load())
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


def _shared() -> bool:
    return _SHARED in os.environ
