"""All that one running app holds."""

from dataclasses import dataclass
from typing import Self

from serving.admission import Admission
from serving.batching import Batcher
from serving.metadata import Metadata
from serving.metrics import Metrics
from serving.pages import Pages
from serving.predictor import PredictorLike
from serving.readiness import Readiness
from serving.settings import Settings
from serving.transfers import Transfers


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of one app, made once at its start and shared by its requests."""

    settings: Settings
    metadata: Metadata
    admission: Admission
    batcher: Batcher
    readiness: Readiness
    metrics: Metrics
    pages: Pages
    transfers: Transfers

    @classmethod
    def of(cls, settings: Settings, predictor: PredictorLike) -> Self:
        metrics = Metrics(predictor.metadata, load=lambda: admission.load)
        admission = Admission(settings.queue_limit, on_release=metrics.show_load)
        transfers = Transfers(settings.max_uploads, settings.max_files)
        return cls._around(predictor, settings, admission, metrics, transfers)

    def successor(self, predictor: PredictorLike) -> Self:
        """The same service with another model. What waits at this one's batcher still counts."""
        self.metrics.take_up(predictor.metadata)
        return self._around(predictor, self.settings, self.admission, self.metrics, self.transfers)

    @classmethod
    def _around(
        cls, predictor: PredictorLike, settings: Settings, admission: Admission, metrics: Metrics, transfers: Transfers
    ) -> Self:
        metadata = predictor.metadata
        batcher = Batcher(
            predictor,
            limit=admission,
            batch_limit=settings.batch_limit,
            deadline=settings.deadline,
            on_batch=metrics.count_batch,
        )
        return cls(
            settings=settings,
            metadata=metadata,
            admission=admission,
            batcher=batcher,
            readiness=Readiness(batcher),
            metrics=metrics,
            pages=Pages(metadata, settings),
            transfers=transfers,
        )
