"""All that one running app holds."""

from dataclasses import dataclass
from typing import Self

from serving.batching import Batcher, PredictorLike
from serving.metadata import Metadata
from serving.metrics import Metrics
from serving.pages import Pages
from serving.readiness import Readiness
from serving.settings import Settings
from serving.uploads import Places


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of one app, made once at its start and shared by its requests."""

    settings: Settings
    metadata: Metadata
    batcher: Batcher
    readiness: Readiness
    metrics: Metrics
    pages: Pages
    places: Places

    @classmethod
    def of(cls, settings: Settings, predictor: PredictorLike) -> Self:
        metadata = predictor.metadata
        batcher = Batcher(predictor, limit=settings.queue_limit)
        return cls(
            settings=settings,
            metadata=metadata,
            batcher=batcher,
            readiness=Readiness(batcher),
            metrics=Metrics(metadata, load=lambda: batcher.load),
            pages=Pages(metadata, settings),
            places=Places(settings.max_files),
        )
