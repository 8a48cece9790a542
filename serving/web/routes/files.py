"""Files of rows: sent up, predicted and sent back."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from serving.errors import RowsError
from serving.web.auth import require_key
from serving.web.files.csv_stream import PIECE, FileAnswer, open_upload
from serving.web.files.uploads import Transfer, Upload, taken_in, unusable
from serving.web.openapi import CSV, FILE_ANSWER, FILE_BODY, FILE_ERRORS, KEY_ERRORS
from serving.web.requests.headers import VARY
from serving.web.state import TheService

router = APIRouter(tags=["predictions"], dependencies=[Depends(require_key)])

_PIECE = 32 * 1024

_TSV = "text/tab-separated-values"


async def _upload(request: Request, service: TheService) -> AsyncIterator[Upload]:
    """The file, until its answer is sent or its client has left."""
    async with taken_in(request, service.settings, service.transfers) as upload:
        yield upload


@router.post(
    "/predict/csv",
    summary="Classify every row of a CSV",
    response_class=Response,
    responses=FILE_ANSWER | KEY_ERRORS | FILE_ERRORS,
    openapi_extra=FILE_BODY,
)
async def predict_csv(service: TheService, upload: Annotated[Upload, Depends(_upload)]) -> Response:
    labels, preferred = service.metadata.labels, service.metadata.recipe.get("data", {}).get("text", "text")
    try:
        opened = await asyncio.to_thread(open_upload, upload, service.settings, labels, preferred)
    except RowsError as error:
        raise unusable(error) from None
    rows = min(PIECE, service.settings.queue_limit)
    answer = FileAnswer(opened, service.batcher, service.transfers.turns, service.metrics.count_predictions, rows)
    await answer.begin()
    suffix, media_type = ("tsv", _TSV) if opened.writer.delimiter == "\t" else ("csv", CSV)
    headers = {
        "Content-Disposition": f'attachment; filename="predictions.{suffix}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Text-Column": quote(opened.text_column),
        "X-Label-Column": quote(opened.writer.label_column),
        "X-Expected-Bytes": str(answer.expected_size(upload)),
    }
    return _Pages(answer.pages(), upload.transfer, VARY | headers, media_type)


class _Pages(StreamingResponse):
    """The pages of an answer; what is in work for them ends with it, also where the client leaves or is too slow."""

    def __init__(
        self, pages: AsyncGenerator[bytes, None], transfer: Transfer, headers: dict[str, str], media_type: str
    ) -> None:
        super().__init__(pages, headers=headers, media_type=media_type)
        self._pages, self._transfer = pages, transfer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            for piece in _pieces(message):
                try:
                    async with self._transfer.sending():
                        await send(piece)
                except TimeoutError:
                    raise ClientDisconnect from None
                self._transfer.sent(len(piece.get("body", b"")))

        try:
            await super().__call__(scope, receive, send_in_time)
        finally:
            await self._pages.aclose()


def _pieces(message: Message) -> Iterator[Message]:
    """A page, parted: the server waits for its client only between what it is handed."""
    body, more = message.get("body", b""), message.get("more_body", False)
    if len(body) <= _PIECE:
        yield message
        return
    for start in range(0, len(body), _PIECE):
        last = start + _PIECE >= len(body)
        yield {**message, "body": body[start : start + _PIECE], "more_body": more or not last}
