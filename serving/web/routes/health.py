"""Health checks and metrics, for an operator's machines."""

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import PlainTextResponse

from serving.web.auth import require_key
from serving.web.openapi import KEY_ERRORS, NOT_READY
from serving.web.schemas import HealthAnswer
from serving.web.state import CurrentService

router = APIRouter(tags=["operation"])


@router.get("/healthz", summary="Whether the process answers", response_description="It does.")
async def healthz(response: Response) -> HealthAnswer:
    """Say that the process is alive. Whether its model answers is what `/readyz` tells."""
    response.headers["Cache-Control"] = "no-store"
    return HealthAnswer(status="alive")


@router.get(
    "/readyz",
    summary="Whether the model still gives its known answers",
    response_description="It does.",
    responses=NOT_READY,
)
async def readyz(service: CurrentService, response: Response) -> HealthAnswer:
    """Let the model predict the known answers of its bundle, as any text is predicted."""
    await service.readiness.confirm()
    response.headers["Cache-Control"] = "no-store"
    return HealthAnswer(status="ready")


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_description="The figures, in a text format of Prometheus.",
    response_class=PlainTextResponse,
    responses=KEY_ERRORS,
    dependencies=[Depends(require_key)],
)
async def metrics(request: Request, service: CurrentService) -> Response:
    """Count requests, predictions, batches and the process's own resources, in the format that `Accept` asks for."""
    content, media_type = service.metrics.expose(",".join(request.headers.getlist("accept")))
    return Response(content, headers={"Content-Type": media_type})
