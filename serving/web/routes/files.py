"""Routes of files: sent up, predicted and sent back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response

from serving.errors import RowsError
from serving.web.auth import require_key
from serving.web.files.answer import QUEUED_TEXTS, FileAnswer, FileResponse, open_upload
from serving.web.files.uploads import Upload, receive_upload, unusable
from serving.web.openapi import Documentation
from serving.web.requests.headers import VARY
from serving.web.state import CurrentService


async def _upload(request: Request, service: CurrentService) -> AsyncIterator[Upload]:
    """The file, until its answer is sent or its client has left."""
    async with receive_upload(request, service.settings, service.upload_slots) as upload:
        yield upload


def router(documentation: Documentation) -> APIRouter:
    """The routes, as they are documented for a kind of input."""
    router = APIRouter(tags=["predictions"], dependencies=[Depends(require_key)])
    router.post("/predict/file", response_class=Response, **documentation.file)(predict_file)
    router.post("/predict/csv", include_in_schema=False)(predict_file)
    return router


async def predict_file(service: CurrentService, upload: Annotated[Upload, Depends(_upload)]) -> Response:
    """Each row comes back with its prediction, as soon as it has one."""
    try:
        file = await asyncio.to_thread(open_upload, upload, service.settings, service.table_input)
    except RowsError as error:
        raise unusable(error) from None
    queued_texts = min(QUEUED_TEXTS, service.settings.queue_limit)
    count = service.metrics.count_predictions
    answer = FileAnswer(file, service.batcher, service.predict_slots, count, queued_texts)
    await answer.begin()
    reader, text_name = file.table.reader, file.table.extract.text_name
    file_format, notes = reader.format, reader.notes
    headers = {
        "Content-Disposition": f'attachment; filename="predictions{file_format.suffixes[0]}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Label-Column": quote(file.writer.added_names[0]),
        "X-Expected-Bytes": str(answer.expected_bytes()),
        **({"X-Text-Column": quote(text_name)} if text_name else {}),
        **({"X-Notes": quote("\n".join(notes))} if notes else {}),
    }
    response = FileResponse(answer.parts(), VARY | headers, file_format.media_type)
    if file_format.media_type.startswith("text/"):
        response.headers["Content-Type"] = f"{file_format.media_type}; charset={file.writer.encoding.charset}"
    return response
