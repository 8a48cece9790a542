"""The form and the predictions."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import APIRouter, Depends, Response
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse

from serving.errors import RequestError
from serving.web.auth import require_key
from serving.web.openapi import KEY_ERRORS, PREDICT_AS_PAGE, PREDICT_BODY, PREDICT_ERRORS
from serving.web.requests.predict_request import read_predict_request
from serving.web.schemas import PredictionAnswer, PredictionsAnswer, json_answer, predicted_texts
from serving.web.state import TheService, prefers_page, service_of

PATIENCE = 0.5

T = TypeVar("T")


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled when the client disconnects first.

    Work that is done within PATIENCE (seconds) is never watched, for the watch costs more than the work of a lone text.
    The request's body must have been read. Raises ClientDisconnect, and whatever `work` raises.
    """
    watch = _Watch(request)
    timer = asyncio.get_running_loop().call_later(PATIENCE, watch.begin)
    try:
        return await work
    except asyncio.CancelledError:
        if watch.is_the_cause():
            raise ClientDisconnect from None
        raise
    finally:
        timer.cancel()
        watch.end()


class _Watch:
    """Cancels the task that made it when the client disconnects, in the way of asyncio.timeout."""

    def __init__(self, request: Request) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._request, self._task = request, task
        self._cancelling = task.cancelling()
        self._watching: asyncio.Task[None] | None = None
        self._gone = False

    def begin(self) -> None:
        self._watching = asyncio.ensure_future(self._watch())

    def end(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None  # it refers to this: the two would stay until Python looks for cycles

    def is_the_cause(self) -> bool:
        """Whether the task was cancelled by this and by nobody else."""
        return self._gone and self._task.uncancel() <= self._cancelling

    async def _watch(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._task.cancel()


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
    submitted = await read_predict_request(request, service.settings, service.budget)
    batcher, texts = service.batcher, submitted.texts
    try:
        work = batcher.explain(texts) if submitted.explain else batcher.predict(texts)
        predictions = await unless_gone(request, work)
    except RequestError as error:
        error.text = None if submitted.several else texts[0]
        raise
    service.metrics.count_predictions(predictions)
    answers = predicted_texts(texts, predictions)
    if prefers_page(request):
        return service.pages.form(request, text="" if submitted.several else texts[0], answers=answers)
    return json_answer(answers, service.metadata.model_version, several=submitted.several)
