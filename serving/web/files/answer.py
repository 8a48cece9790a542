"""Answer to a file: its rows with their predictions, made and sent chunk by chunk."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from serving.batching.batcher import Batcher
from serving.errors import InferenceFailed, Overloaded
from serving.model.inputs.text import BATCH
from serving.model.types import Prediction
from serving.settings import Settings
from serving.tables.base import CHUNK_ROWS, ScoredRows, Writer, in_chunks
from serving.tables.chunk import Chunk
from serving.tables.formats import Table, TableInput, open_reader, open_table, open_writer
from serving.web.files.uploads import Upload

# Texts, or rows of fields, of one file that wait or are in work at once, at most: another request waits for no more
# than these, and there is room in the queue for MAX_FILES of them beside a request of MAX_TEXTS. In whole batches of a
# network of texts.
QUEUED_TEXTS = 2 * BATCH

# Bytes of an answer that are sent at a time: the server waits for the client to read only between them.
SENT_BYTES = 32 * 1024

_RETRY_SECONDS = 0.1  # between two tries at a full queue


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file whose columns are known.

    Attributes:
        table: its rows.
        writer: of the answer, in the same format.
        size: bytes of the file.
    """

    table: Table
    writer: Writer
    size: int


def open_upload(upload: Upload, settings: Settings, model_input: TableInput) -> OpenedFile:
    """Read a file's header and first rows.

    Args:
        upload: at its beginning.
        settings: the limits.
        model_input: what the model reads of tables.

    Raises:
        RowsError: it is of another kind, or has no rows, or not the columns that the model reads.
    """
    reader = open_reader(upload.file, upload.options._replace(names=model_input.names))
    table = open_table(reader, model_input, upload.text_column, settings.max_text_chars)
    least = settings.min_probability if upload.min_probability is None else upload.min_probability
    added = model_input.added.telling_uncertain(least)
    writer = open_writer(reader.format, reader, None, added, upload.output_encoding)
    return OpenedFile(table, writer, upload.options.size or 0)


@dataclass(slots=True)
class FileAnswer:
    """Answers one file.

    While a chunk is predicted, the one before it is written and sent and the one after it is read. At most
    `queued_texts` of it are in the queue. Where that is full, the file waits, but for its first texts; where the
    prediction of others fails, their rows say so and the next ones are answered.

    Attributes:
        file: to be answered.
        batcher: predicts the rows.
        predict_slots: MAX_FILES of them; a file holds one while a chunk is predicted, and none while its client takes
            its time.
        count: told of all predictions.
        queued_texts: the queue must be able to take so many.
    """

    file: OpenedFile
    batcher: Batcher
    predict_slots: asyncio.Semaphore
    count: Callable[[Sequence[Prediction]], None]
    queued_texts: int = QUEUED_TEXTS
    _first_rows: ScoredRows = field(default=(), init=False)

    async def begin(self) -> None:
        """Answer the first rows, so that what keeps the file from being answered has a status. Raises RequestError."""
        chunk = await asyncio.to_thread(self._read, self.queued_texts)
        if chunk:
            self._first_rows = chunk.scored(await self._predict(chunk.inputs))

    def expected_bytes(self) -> int:
        """Bytes of the whole answer, if all rows are like the first ones: good for a progress bar."""
        text = "".join([row.before + row.after for row, _ in self._first_rows])
        rows_bytes = len(text.encode(self.file.table.reader.encoding, "replace"))
        return self.file.size * len(self.file.writer.page(self._first_rows)) // rows_bytes

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """The answer in parts of at most SENT_BYTES, once it has begun."""
        page, rows = self.file.writer.header(), self._first_rows
        chunk = await asyncio.to_thread(self._read, CHUNK_ROWS)
        while chunk:
            predicting = asyncio.create_task(self._score(chunk))
            try:
                written, chunk = await asyncio.to_thread(self._write_and_read, rows)
                for part in _parts(page + written):
                    yield part
                page, rows = b"", await predicting
            finally:
                predicting.cancel()
        for part in _parts(page + self.file.writer.page(rows)):
            yield part

    async def _score(self, chunk: Chunk) -> ScoredRows:
        """Predict texts of like length together: those need little padding. Rows of fields are all alike."""
        inputs = chunk.inputs
        order = sorted(range(len(inputs)), key=lambda index: len(inputs[index]))
        predictions: list[Prediction | None] = [None] * len(order)
        async with self.predict_slots:
            for start in range(0, len(order), self.queued_texts):
                indexes = order[start : start + self.queued_texts]
                batch = await self._predict_patiently([inputs[index] for index in indexes])
                for index, prediction in zip(indexes, batch, strict=True):
                    predictions[index] = prediction
        return await asyncio.to_thread(chunk.scored, predictions)

    async def _predict_patiently(self, inputs: list[Any]) -> Sequence[Prediction | None]:
        while True:
            try:
                return await self._predict(inputs)
            except Overloaded:
                await asyncio.sleep(_RETRY_SECONDS)
            except InferenceFailed:
                return [None] * len(inputs)

    async def _predict(self, inputs: list[Any]) -> list[Prediction]:
        predictions = await self.batcher.predict(inputs) if inputs else []
        self.count(predictions)
        return predictions

    def _write_and_read(self, rows: ScoredRows) -> tuple[bytes, Chunk | None]:
        return self.file.writer.page(rows), self._read(CHUNK_ROWS)

    def _read(self, max_rows: int) -> Chunk | None:
        rows = next(in_chunks(self.file.table.rows, max_rows), None)
        return Chunk(rows, self.file.table.extract) if rows else None


class FileResponse(StreamingResponse):
    """Sends the parts of an answer; what is in work for them ends with it, also where the client leaves.

    Args:
        parts: of the body.
        headers: beside the Content-Type.
        media_type: of the file.
    """

    def __init__(self, parts: AsyncGenerator[bytes, None], headers: Mapping[str, str], media_type: str) -> None:
        super().__init__(parts, headers=headers, media_type=media_type)
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises ClientDisconnect where the client left, or was given up by the server's protocol."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._parts.aclose()


def _parts(page: bytes) -> Iterator[bytes]:
    for start in range(0, len(page), SENT_BYTES):
        yield page[start : start + SENT_BYTES]
