"""What the system knows of each of several workers, for Prometheus."""

from collections.abc import Iterable
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector


class WorkersCollector(Collector):
    """The library's process figures (memory, processor time, open files) of every worker, each by its pid.

    A worker is what keeps a gauge of its own in `shared`, the folder where the workers' figures come together.
    """

    def __init__(self, shared: Path) -> None:
        self._shared = shared

    def collect(self) -> Iterable[Metric]:
        found: dict[str, Metric] = {}
        for pid in sorted({file.stem.rpartition("_")[2] for file in self._shared.glob("gauge_live*_*.db")}):
            for metric in _figures(pid):
                whole = found.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
                whole.samples += [sample._replace(labels={"pid": pid}) for sample in metric.samples]
        return found.values()


def _figures(pid: str) -> Iterable[Metric]:
    return ProcessCollector(pid=lambda: pid, registry=None).collect()
