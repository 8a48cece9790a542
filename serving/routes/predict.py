"""The form and the predictions."""

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import HTMLResponse

from serving.auth import require_key
from serving.dependencies import Submitted, TheService, WantsPage
from serving.disconnect import unless_gone
from serving.negotiation import VARY
from serving.openapi import AS_PAGE, KEY_ERRORS, PREDICT_BODY, PREDICT_ERRORS
from serving.schemas import PredictionAnswer, PredictionsAnswer

router = APIRouter(tags=["predictions"], dependencies=[Depends(require_key)])


@router.get("/predict", summary="The form", response_class=HTMLResponse, responses=KEY_ERRORS)
async def show_form(request: Request, service: TheService) -> Response:
    return service.pages.form(request)


@router.post(
    "/predict",
    summary="Classify one text or several",
    response_model=PredictionAnswer | PredictionsAnswer,
    responses=AS_PAGE | KEY_ERRORS | PREDICT_ERRORS,
    openapi_extra=PREDICT_BODY,
)
async def predict(request: Request, service: TheService, submitted: Submitted, wants_page: WantsPage) -> Response:
    batcher = service.batcher
    work = batcher.explain(submitted.texts) if submitted.explain else batcher.predict(submitted.texts)
    predictions = await unless_gone(request, work)
    service.metrics.count_predictions(predictions)
    answer = PredictionsAnswer.of(submitted.texts, predictions, service.metadata.model_version)
    if wants_page:
        text = "" if submitted.several else submitted.texts[0]
        return service.pages.form(request, text=text, answers=answer.predictions)
    body = answer if submitted.several else answer.only()
    # Unset is only an explanation that was not asked for.
    return Response(body.model_dump_json(exclude_unset=True), headers=VARY, media_type="application/json")
