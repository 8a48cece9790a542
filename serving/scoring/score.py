"""Predictions for files: every row comes back, in order, with cells added."""

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from serving.errors import FileError, RowsError
from serving.model.metadata import Metadata
from serving.model.predictor import Predictor
from serving.model.types import Prediction
from serving.scoring.resumable import Identity, PartialFile
from serving.tables.base import MAX_TEXT_CHARS, Reader
from serving.tables.chunk import Piece, TextOf
from serving.tables.formats import PARQUET, kind_of, open_reader, open_writer
from serving.tables.jsonl import JsonLinesReader
from serving.tables.sniffing import check_delimiter, check_encoding, named_column
from serving.tables.writers import NOTHING_TO_READ, Writer


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


__all__ = ["NOTHING_TO_READ", "PIPE", "Options", "Progress", "score", "score_file"]

PIPE = Path("-")
"""Standard input or output, in place of a file."""

_BEGINNING = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Options:
    """How files are read, and with what they are scored.

    `text_column`: "" for the one that the model was made with. `delimiter`: of a CSV, "" to guess it from the header.
    `kind`: of a pipe. `threads`: pieces that are predicted at once. `resume`: go on after an interruption.
    """

    text_column: str = ""
    encoding: str = "utf-8"
    delimiter: str = ""
    max_text_chars: int = MAX_TEXT_CHARS
    threads: int = 1
    resume: bool = False
    kind: str = ""


def score_file(
    predictor: Predictor,
    source: Path,
    target: Path,
    *,
    text_column: str | None = None,
    encoding: str = "utf-8",
    progress: Callable[[int], object] = int,
) -> int:
    """`score` with few options; `progress` is told the rows done so far. Returns their number. Raises FileError."""
    options = Options(text_column=text_column or "", encoding=encoding)
    return score(predictor, source, target, options, lambda done: progress(done.rows)).rows


def score(
    predictor: PredictorLike,
    source: Path,
    target: Path,
    options: Options,
    progress: Callable[[Progress], object] = bool,
) -> Progress:
    """Write `source` to `target` with the columns `label`, `probability`, `p_<label>` and `error` added.

    CSV, TSV, JSONL or Parquet by the suffix, each of any size: rows go through in pieces, predicted in several threads
    and written in order. What was read as text is written as it was; a byte-order mark is left out. Where the file has
    one of the added names already, all are added as `predicted_<name>`. A row that cannot be predicted has empty cells
    and says why in `error`. `target` appears only when it is whole. `progress` is told after each piece. Raises
    FileError.
    """
    kind = _kind(target, options.kind)
    if source != PIPE and not source.is_file():
        raise FileError(f"{source}: no such file")
    source_kind = _kind(source, options.kind)
    if PIPE not in (source, target) and target.exists() and target.samefile(source):
        raise FileError(f"{target}: is the input; accepted: another name, so that nothing is lost")
    if options.resume and PIPE in (source, target):
        raise FileError("a pipe cannot be resumed; accepted with --resume: files")
    with _opened(source) as (file, size), _named(source):
        encoding, delimiter = check_encoding(options.encoding), options.delimiter and check_delimiter(options.delimiter)
        reader = open_reader(file, source_kind, encoding=encoding, delimiter=delimiter, size=size)
        text_of = TextOf(_place(reader, options, predictor), limit=options.max_text_chars, encoding=encoding)
        with _named(target):
            writer = open_writer(kind, reader, source_kind, predictor.metadata.labels)
        job = ScoringJob(predictor, reader, writer, text_of, options.threads, progress)
        if target == PIPE:
            return job.run(Pipe(sys.stdout.buffer))
        with PartialFile(target, _identity(source, options, predictor), resume=options.resume) as partial:
            done = job.run(partial, partial.done.rows)
            partial.close()
            partial.put(writer.finish(partial.partial))
        return done


def _kind(path: Path, of_pipe: str) -> str:
    if path != PIPE:
        return kind_of(path)
    kind = kind_of(Path(f"pipe.{of_pipe}")) if of_pipe else ""
    if not kind or kind == PARQUET:
        raise FileError(f"a pipe needs --format; accepted: csv, tsv, jsonl, found: {of_pipe or 'none'}")
    return kind


@contextmanager
def _opened(source: Path) -> Iterator[tuple[BinaryIO, int | None]]:
    if source == PIPE:
        yield sys.stdin.buffer, None
        return
    try:
        file = source.open("rb")
    except OSError as error:
        raise FileError(f"{source}: cannot be read ({error.strerror})") from error
    with file:
        yield file, source.stat().st_size


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Errors of its reader or writer name the file."""
    try:
        yield
    except RowsError as error:
        raise FileError(f"{path}: {error}") from error


def _place(reader: Reader, options: Options, predictor: PredictorLike) -> int | str:
    column = options.text_column or predictor.metadata.recipe.get("data", {}).get("text", "text")
    place = named_column(column, [name for name, _ in reader.columns], "--text-column names another")
    return column if isinstance(reader, JsonLinesReader) else place


def _identity(source: Path, options: Options, predictor: PredictorLike) -> Identity:
    """What must be the same for a scoring to be gone on with."""
    if source == PIPE:
        return {}
    with source.open("rb") as file:
        beginning = sha256(file.read(_BEGINNING)).hexdigest()
    found = source.stat()
    return {
        "input": f"{found.st_size} bytes that begin with {beginning}",
        "time of the input": found.st_mtime_ns,
        "model": predictor.metadata.model_version,
        "text column": options.text_column,
        "encoding": options.encoding,
        "delimiter": options.delimiter,
        "limit of characters": options.max_text_chars,
    }
