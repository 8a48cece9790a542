"""State of one app, and the dependencies by which handlers ask for it.

The dependencies are async, since FastAPI would run a plain function in a thread.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Self

from fastapi import Depends, Request

from serving.batching.admission import Admission
from serving.batching.batcher import Batcher, Readiness
from serving.batching.worker import EventLoopExecutor
from serving.model.metadata import Metadata
from serving.model.predictor import PredictorLike
from serving.settings import Settings
from serving.tables.formats import TableInput, table_input
from serving.web.inputs.kinds import WebInput, web_input
from serving.web.metrics import Metrics
from serving.web.pages.render import Pages
from serving.web.requests.body import BUDGET, Budget
from serving.web.requests.headers import MODEL_VERSION_HEADER, Header, joined, prefers_html

if TYPE_CHECKING:  # else it is imported only where users may correct
    from serving.feedback.service import Feedback


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of one app, made once at its start and shared by its requests."""

    settings: Settings
    metadata: Metadata
    input: WebInput
    admission: Admission
    batcher: Batcher
    readiness: Readiness
    metrics: Metrics
    pages: Pages
    version_header: Header
    upload_slots: asyncio.Semaphore
    predict_slots: asyncio.Semaphore
    budget: Budget
    table_input: TableInput
    feedback: "Feedback | None"

    @classmethod
    def of(cls, settings: Settings, predictor: PredictorLike, feedback: "Feedback | None" = None) -> Self:
        """The parts that these settings ask for, around one predictor. `feedback`: None where users cannot correct."""
        metrics = Metrics(predictor.metadata, load=lambda: admission.load, feedback=feedback is not None)
        admission = Admission(settings.queue_limit, on_release=metrics.show_load)
        batcher = _batcher(predictor, settings, admission, metrics)
        if feedback is not None:
            feedback.on_answer = metrics.show_database
        return cls(
            settings=settings,
            metadata=predictor.metadata,
            input=_input(predictor, admission),
            admission=admission,
            batcher=batcher,
            readiness=Readiness(batcher),
            metrics=metrics,
            pages=Pages(predictor.metadata, settings, predictor.fields),
            version_header=_version_header(predictor.metadata),
            upload_slots=asyncio.Semaphore(settings.max_uploads),
            predict_slots=asyncio.Semaphore(settings.max_files),
            budget=Budget(max(BUDGET, settings.max_body_bytes)),
            table_input=table_input(predictor),
            feedback=feedback,
        )

    def successor(self, predictor: PredictorLike) -> Self:
        """The same service with another model. What waits at this one's batcher still counts."""
        self.metrics.take_up(predictor.metadata)
        batcher = _batcher(predictor, self.settings, self.admission, self.metrics)
        return replace(
            self,
            metadata=predictor.metadata,
            input=_input(predictor, self.admission),
            batcher=batcher,
            readiness=Readiness(batcher),
            pages=Pages(predictor.metadata, self.settings, predictor.fields),
            version_header=_version_header(predictor.metadata),
            table_input=table_input(predictor),
        )


def _input(predictor: PredictorLike, admission: Admission) -> WebInput:
    chosen = web_input(predictor.fields, predictor.metadata)
    admission.noun = chosen.noun
    return chosen


def _batcher(predictor: PredictorLike, settings: Settings, admission: Admission, metrics: Metrics) -> Batcher:
    return Batcher(
        predictor,
        limit=admission,
        max_batch_size=settings.batch_limit,
        deadline=settings.deadline,
        executor=EventLoopExecutor() if predictor.is_light else None,
        on_batch=metrics.count_batch,
    )


def _version_header(metadata: Metadata) -> Header:
    return MODEL_VERSION_HEADER.lower().encode(), metadata.model_version.encode()


def service_of(request: Request) -> Service:
    """The service that the request's app runs."""
    service: Service = request.app.state.service
    return service


async def _service(request: Request) -> Service:
    return service_of(request)


CurrentService = Annotated[Service, Depends(_service)]


async def _settings(service: CurrentService) -> Settings:
    return service.settings


CurrentSettings = Annotated[Settings, Depends(_settings)]


def prefers_page(request: Request) -> bool:
    """Whether the client prefers HTML to JSON."""
    return prefers_html(joined(request.scope["headers"], b"accept"))


async def _wants_page(request: Request) -> bool:
    return prefers_page(request)


WantsPage = Annotated[bool, Depends(_wants_page)]
