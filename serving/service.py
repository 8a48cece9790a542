"""All that one running app holds."""

from dataclasses import dataclass, replace
from typing import Self

from serving.admission import Admission
from serving.batching import Batcher
from serving.budget import BUDGET, Budget
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
    budget: Budget

    @classmethod
    def of(cls, settings: Settings, predictor: PredictorLike) -> Self:
        metrics = Metrics(predictor.metadata, load=lambda: admission.load)
        admission = Admission(settings.queue_limit, on_release=metrics.show_load)
        batcher = _batcher(predictor, settings, admission, metrics)
        return cls(
            settings=settings,
            metadata=predictor.metadata,
            admission=admission,
            batcher=batcher,
            readiness=Readiness(batcher),
            metrics=metrics,
            pages=Pages(predictor.metadata, settings),
            transfers=Transfers(settings.max_uploads, settings.max_files),
            budget=Budget(max(BUDGET, settings.max_body_bytes)),
        )

    def successor(self, predictor: PredictorLike) -> Self:
        """The same service with another model. What waits at this one's batcher still counts."""
        self.metrics.take_up(predictor.metadata)
        batcher = _batcher(predictor, self.settings, self.admission, self.metrics)
        return replace(
            self,
            metadata=predictor.metadata,
            batcher=batcher,
            readiness=Readiness(batcher),
            pages=Pages(predictor.metadata, self.settings),
        )


def _batcher(predictor: PredictorLike, settings: Settings, admission: Admission, metrics: Metrics) -> Batcher:
    return Batcher(
        predictor,
        limit=admission,
        batch_limit=settings.batch_limit,
        deadline=settings.deadline,
        on_batch=metrics.count_batch,
    )
