"""One file that is scored: read ahead, predicted in several threads, written in order."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, Protocol

from serving.errors import RowsError
from serving.metadata import Metadata
from serving.predictor import Prediction
from serving.rows.piece import Piece, TextOf
from serving.rows.table import Reader
from serving.rows.writers import Writer


class Progress(NamedTuple):
    """Rows done; of them those that an interrupted run had done, and those of this one that have an error.

    `part`: how much of the input was read, 0 to 1, where that is known.
    """

    rows: int = 0
    resumed: int = 0
    errors: int = 0
    part: float | None = None


class PredictorLike(Protocol):
    """What scoring asks of a predictor; `predict` is called by several threads at once."""

    @property
    def metadata(self) -> Metadata: ...

    def predict(self, texts: Sequence[str]) -> list[Prediction]: ...


class Sink(Protocol):
    """Where pages go; `rows`: those that are in it then."""

    def append(self, page: bytes, rows: int) -> None: ...


class Pipe:
    """A sink that is read by another program as it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def append(self, page: bytes, rows: int) -> None:  # noqa: ARG002
        self._file.write(page)
        self._file.flush()


@dataclass(frozen=True, slots=True)
class ScoringJob:
    """One file on its way from a reader to a writer."""

    predictor: PredictorLike
    reader: Reader
    writer: Writer
    text_of: TextOf
    threads: int
    progress: Callable[[Progress], object]

    def run(self, sink: Sink, skip: int = 0) -> Progress:
        """Score all rows but the first `skip`, which are in the sink already."""
        done = Progress(skip, skip)
        if not skip:
            sink.append(self.writer.header(), 0)
        for page, rows, errors in self._pages(skip):
            done = Progress(done.rows + rows, skip, done.errors + errors, self.reader.done())
            sink.append(page, done.rows)
            self.progress(done)
        if not done.rows:
            raise RowsError("it has no rows below its header")
        return done

    def _pages(self, skip: int) -> Iterator[tuple[bytes, int, int]]:
        """Pages in order, and their rows. Some more pieces than there are threads are read ahead, and no more."""
        with ThreadPoolExecutor(self.threads, thread_name_prefix="scoring") as pool:
            waiting: deque[Future[tuple[bytes, int, int]]] = deque()
            try:
                for piece in self._pieces(skip):
                    waiting.append(pool.submit(self._page, piece))
                    if len(waiting) > self.threads + 1:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for page in waiting:
                    page.cancel()

    def _pieces(self, skip: int) -> Iterator[Piece]:
        for chunk in self.reader.chunks():
            if len(chunk) > skip:
                yield Piece(chunk[skip:], self.text_of)
            skip = max(0, skip - len(chunk))

    def _page(self, piece: Piece) -> tuple[bytes, int, int]:
        page = self.writer.page(piece.answered(self.predictor.predict(piece.texts)))
        return page, len(piece.rows), len(piece.rows) - len(piece.texts)
