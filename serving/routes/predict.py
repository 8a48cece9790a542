"""The form and the predictions."""

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import HTMLResponse

from serving.answers import JsonAnswer, answers, one_answer
from serving.auth import require_key
from serving.dependencies import TheService, prefers_page, service_of
from serving.disconnect import unless_gone
from serving.openapi import KEY_ERRORS, PREDICT_AS_PAGE, PREDICT_BODY, PREDICT_ERRORS
from serving.schemas import PredictedText, PredictionAnswer, PredictionsAnswer
from serving.texts import read_submission

router = APIRouter(tags=["predictions"], dependencies=[Depends(require_key)])


@router.get(
    "/predict",
    summary="The form",
    response_description="The page with the form.",
    response_class=HTMLResponse,
    responses=KEY_ERRORS,
)
async def show_form(request: Request, service: TheService) -> Response:
    return service.pages.form(request)


@router.post(
    "/predict",
    summary="Classify one text or several",
    response_model=PredictionAnswer | PredictionsAnswer,
    responses=PREDICT_AS_PAGE | KEY_ERRORS | PREDICT_ERRORS,
    openapi_extra=PREDICT_BODY,
)
async def predict(request: Request) -> Response:
    # What other routes are handed by dependencies is asked for here: each of those costs a step of its own.
    service = service_of(request)
    submitted = await read_submission(request, service.settings, service.budget)
    batcher, texts = service.batcher, submitted.texts
    work = batcher.explain(texts) if submitted.explain else batcher.predict(texts)
    predictions = await unless_gone(request, work)
    service.metrics.count_predictions(predictions)
    if prefers_page(request):
        shown = [PredictedText.of(text, prediction) for text, prediction in zip(texts, predictions, strict=True)]
        return service.pages.form(request, text="" if submitted.several else texts[0], answers=shown)
    version = service.metadata.model_version
    body = answers(texts, predictions, version) if submitted.several else one_answer(texts[0], predictions[0], version)
    return JsonAnswer(body)
