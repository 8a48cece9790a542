"""The answer to a file: its rows with their predictions, made and sent a piece at a time."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from serving.batching.batcher import Batcher
from serving.errors import InferenceFailed, Overloaded, RowsError
from serving.model.types import Prediction
from serving.settings import Settings
from serving.tables.base import CHUNK_CHARS, Row
from serving.tables.chunk import Piece, TextOf
from serving.tables.delimited import DelimitedReader
from serving.tables.sniffing import guess_column, named_column
from serving.tables.writers import Pairs, SameDelimited
from serving.web.files.uploads import Upload

PIECE = 24
"""Rows of one file that wait or are in work at once, at most: another request waits for no more than these, and there
is room in the queue for MAX_FILES of them beside a request of MAX_TEXTS. A multiple of predictor.BATCH."""

PIECES = 40
"""Pieces of one file that are read together, and computed by length: texts of like length need little padding."""

_PAUSE = 0.1  # seconds, between two tries at a full queue


@dataclass(frozen=True, slots=True)
class Opened:
    """A file whose columns are known: its rows, which column holds the texts, and what writes the answer."""

    rows: Iterator[Row]
    text_of: TextOf
    text_column: str
    writer: SameDelimited


def open_upload(upload: Upload, settings: Settings, labels: Sequence[str], preferred: str) -> Opened:
    """Read a file's header and first rows; `preferred` is the model's own name for texts. Raises RowsError."""
    reader = DelimitedReader(upload.file, upload.encoding, upload.delimiter, upload.size)
    chunks = reader.chunks()
    first = next(chunks, [])
    if not first:
        raise RowsError("it has no rows below its header")
    names = [name for name, _ in reader.columns]
    if upload.text_column:
        place = named_column(upload.text_column, names, "text_column names another")
    else:
        place = guess_column(names, [row.cells for row in first if not row.fault], preferred)
    return Opened(
        rows=chain(first, chain.from_iterable(chunks)),
        text_of=TextOf(place, limit=settings.max_text_chars, encoding=upload.encoding),
        text_column=names[place],
        writer=SameDelimited(reader, labels, mark=True),
    )


class FileAnswer:
    """Answers one file.

    While some pieces are predicted, those before them are written and those after them are read. One piece at most is
    in the queue. Where that is full, a piece that is not the first waits; where the prediction of such a piece fails,
    its rows say so and the next ones are answered.

    Args:
        turns: at being predicted, which files take page by page; none is held while the client takes its time.
        count: is told of every piece's predictions.
        rows: that a piece has; the queue must be able to take so many.
    """

    def __init__(
        self,
        opened: Opened,
        batcher: Batcher,
        turns: asyncio.Semaphore,
        count: Callable[[Sequence[Prediction]], None],
        rows: int = PIECE,
    ) -> None:
        self._opened, self._batcher, self._turns, self._count, self._rows = opened, batcher, turns, count, rows
        self._begun: Pairs = ()

    async def begin(self) -> None:
        """Answer the first piece, so that what keeps the file from being answered has a status. Raises RequestError."""
        piece = await asyncio.to_thread(self._read, self._rows)
        if piece is not None:
            self._begun = piece.answered(await self._predict(piece.texts))

    def expected_size(self, upload: Upload) -> int:
        """Bytes that the answer may have, guessed from its first piece: good for a progress bar."""
        growth = self._opened.writer.added_size(self._begun) / len(self._begun)
        return upload.size + int(growth * upload.lines)

    async def pages(self) -> AsyncGenerator[bytes, None]:
        """The header, then page after page, once it has begun."""
        page, pairs = self._opened.writer.header(), self._begun
        piece = await asyncio.to_thread(self._read, self._rows * PIECES)
        while piece is not None:
            working = asyncio.ensure_future(self._answer(piece))
            try:
                written, piece = await asyncio.to_thread(self._turn, pairs)
                yield page + written
                pairs, page = await working, b""
            finally:
                working.cancel()
        yield page + self._opened.writer.page(pairs)

    async def _answer(self, piece: Piece) -> Pairs:
        """Predicts texts of like length together: those need little padding."""
        order = sorted(range(len(piece.texts)), key=lambda place: len(piece.texts[place]))
        predictions: list[Prediction | None] = [None] * len(order)
        async with self._turns:
            for start in range(0, len(order), self._rows):
                places = order[start : start + self._rows]
                found = await self._patiently([piece.texts[i] for i in places])
                for place, prediction in zip(places, found, strict=True):
                    predictions[place] = prediction
        return await asyncio.to_thread(piece.answered, predictions)

    async def _patiently(self, texts: list[str]) -> Sequence[Prediction | None]:
        while True:
            try:
                return await self._predict(texts)
            except Overloaded:
                await asyncio.sleep(_PAUSE)
            except InferenceFailed:
                return [None] * len(texts)

    async def _predict(self, texts: list[str]) -> list[Prediction]:
        predictions = await self._batcher.predict(texts) if texts else []
        self._count(predictions)
        return predictions

    def _turn(self, pairs: Pairs) -> tuple[bytes, Piece | None]:
        return self._opened.writer.page(pairs), self._read(self._rows * PIECES)

    def _read(self, most: int) -> Piece | None:
        rows: list[Row] = []
        size = 0
        for row in islice(self._opened.rows, most):
            rows.append(row)
            size += len(row.before)
            if size >= CHUNK_CHARS:
                break
        return Piece(rows, self._opened.text_of) if rows else None
