"""Health checks and metrics, for an operator's machines."""

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import PlainTextResponse

from serving.web.auth import require_key
from serving.web.openapi import KEY_ERRORS, NOT_READY
from serving.web.schemas import HealthAnswer, ReadyAnswer
from serving.web.state import CurrentService

_DATABASE = {None: "unknown", True: "available", False: "unavailable"}


def router(*, feedback: bool) -> APIRouter:
    """The routes. `feedback`: users may correct, and the service says whether their corrections can be kept."""
    router = APIRouter(tags=["operation"])
    router.get("/healthz", summary="Whether the process answers", response_description="It does.")(healthz)
    router.get(
        "/readyz",
        summary="Whether the model still gives its known answers",
        response_model=ReadyAnswer if feedback else HealthAnswer,
        response_description="It does.",
        responses=NOT_READY,
    )(readyz)
    router.get(
        "/metrics",
        summary="Figures for Prometheus",
        response_description="The figures, in a text format of Prometheus.",
        response_class=PlainTextResponse,
        responses=KEY_ERRORS,
        dependencies=[Depends(require_key)],
    )(metrics)
    return router


async def healthz(response: Response) -> HealthAnswer:
    """Say that the process is alive. Whether its model answers is what `/readyz` tells."""
    response.headers["Cache-Control"] = "no-store"
    return HealthAnswer(status="alive")


async def readyz(service: CurrentService, response: Response) -> HealthAnswer:
    """Let the model predict the known answers of its bundle, as any text is predicted."""
    await service.readiness.confirm()
    response.headers["Cache-Control"] = "no-store"
    if service.feedback is None:
        return HealthAnswer(status="ready")
    # Without its database the service still predicts. A probe asks for what is known of it, and never waits.
    return ReadyAnswer(status="ready", feedback=_DATABASE[service.feedback.available])


async def metrics(request: Request, service: CurrentService) -> Response:
    """Count requests, predictions, batches and the process's own resources, in the format that `Accept` asks for."""
    content, media_type = service.metrics.expose(",".join(request.headers.getlist("accept")))
    return Response(content, headers={"Content-Type": media_type})
