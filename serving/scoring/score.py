"""Scoring of files: every row comes back, in order, with its prediction added."""

import gzip
import re
import sys
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path, PurePath
from typing import BinaryIO, NamedTuple, cast

from serving.errors import FileError, RowsError
from serving.model.predictor import PredictorLike
from serving.scoring.label_studio import TaskWriter
from serving.scoring.resumable import Identity, ResumableFile
from serving.tables.base import MAX_TEXT_CHARS, Format, ReadOptions, Writer, in_chunks
from serving.tables.chunk import Chunk
from serving.tables.dialect import check_delimiter, check_header
from serving.tables.formats import GZIP, STREAMS, Table, format_of, open_reader, open_table, open_writer, table_input
from serving.tables.text import check_encoding

# Standard input or output, in place of a file.
PIPE = Path("-")

# Seconds that a thread may keep Python's lock: the threads that predict are mostly without it, and want it for moments.
SWITCH_INTERVAL = 0.0005

# Bytes of the input that tell it from another one of the same size, together with its time.
_HASHED_BYTES = 1024 * 1024

# A figure, but none within a name, such as UTF-8; and what a field was found to be.
_FIGURE = re.compile(r"(?<=` is ).*?(?=; accepted is )|(?<![\w-])(0x[0-9a-f]+|\d[\d,]*)")


class ScoreProgress(NamedTuple):
    """How far the scoring of a file has come.

    Attributes:
        rows: written so far.
        resumed: of them, those that an interrupted run had written.
        errors: of those of this run, the rows without a prediction.
        fraction: of the input that was read, 0 to 1; None where its size is not known.
        error_kinds: the number of `errors` of each kind; see `kind_of`.
    """

    rows: int = 0
    resumed: int = 0
    errors: int = 0
    fraction: float | None = None
    error_kinds: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """How files are read, and with what they are scored.

    Attributes:
        text_column: "" to find it; with a model of fields it must be.
        encoding: of a text file; "" for UTF-8, or what its beginning says.
        delimiter: of a CSV; "" to find it.
        header: whether a CSV has one: "true", "false", or "auto" to find it out.
        output_encoding: of what is written; "" for UTF-8.
        max_text_chars: characters of a text; a longer one gets an error.
        threads: that predict at once.
        resume: continue what an interrupted run has left.
        pipe_format: name of the format that is written to a pipe; "" for the input's.
        min_probability: below which a label is uncertain, for a column that says so; None for no such column.
        tasks: for Label Studio that are written in place of the rows, at most; None for the rows.
    """

    text_column: str = ""
    encoding: str = ""
    delimiter: str = ""
    header: str = "auto"
    output_encoding: str = ""
    max_text_chars: int = MAX_TEXT_CHARS
    threads: int = 1
    resume: bool = False
    pipe_format: str = ""
    min_probability: float | None = None
    tasks: int | None = None


@dataclass(frozen=True, slots=True)
class ScoringJob:
    """One file on its way from a reader to a writer.

    Attributes:
        predictor: whose `predict` is called by several threads at once.
        table: of the rows.
        writer: of the pages; it makes several of them at once, too.
        threads: that predict at once.
        on_progress: told after every page.
    """

    predictor: PredictorLike
    table: Table
    writer: Writer
    threads: int = 1
    on_progress: Callable[[ScoreProgress], None] | None = None

    def run(self, write: Callable[[bytes, int], None], skip: int = 0) -> ScoreProgress:
        """Score all rows.

        Args:
            write: takes each page, in order, and the number of rows that are then written.
            skip: rows that are written already.

        Raises:
            RowsError: the rows cannot be read.
        """
        progress = ScoreProgress(skip, skip)
        if not skip:
            write(self.writer.header(), 0)
        for page, chunk in self._pages(skip):
            rows, kinds = progress.rows + len(chunk.rows), Counter(progress.error_kinds)
            kinds.update(map(kind_of, chunk.faults))
            progress = ScoreProgress(rows, skip, kinds.total(), self.table.reader.progress(), kinds)
            write(page, rows)
            if self.on_progress:
                self.on_progress(progress)
        return progress

    def _pages(self, skip: int) -> Iterator[tuple[bytes, Chunk]]:
        """Pages in order, each with its chunk. Some more chunks than there are threads are read ahead, and no more."""
        with ThreadPoolExecutor(self.threads, thread_name_prefix="scoring") as pool:
            waiting: deque[Future[tuple[bytes, Chunk]]] = deque()
            try:
                for rows in in_chunks(islice(self.table.rows, skip, None)):
                    waiting.append(pool.submit(self._page, Chunk(rows, self.table.extract)))
                    if len(waiting) > self.threads + 1:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _page(self, chunk: Chunk) -> tuple[bytes, Chunk]:
        return self.writer.page(chunk.scored(self.predictor.predict(chunk.inputs))), chunk


def score(
    predictor: PredictorLike,
    source: Path,
    target: Path,
    options: ScoreOptions,
    on_progress: Callable[[ScoreProgress], None] | None = None,
    on_opened: Callable[[Table], None] | None = None,
) -> ScoreProgress:
    """Write `source` to `target` with the columns of a prediction added.

    The target's suffix says its format; what a text file that is read is, it shows itself. Files may have any size. A
    row that cannot be predicted has empty cells and says why in `error`. `target` appears only when it is whole.

    Args:
        predictor: called by several threads at once.
        source: a file, or PIPE.
        target: a file, or PIPE.
        options: how the file is read, and with what it is scored.
        on_progress: told after every chunk.
        on_opened: told what was decided about the file.

    Raises:
        FileError: a file cannot be read, written or resumed.
    """
    source_format = None if source == PIPE else format_of(source)
    if target != PIPE:
        format_of(target)  # before anything is read
    if source != PIPE and not source.is_file():
        raise FileError(f"{source}: no such file")
    if PIPE not in (source, target) and target.exists() and target.samefile(source):
        raise FileError(f"{target}: is the input; accepted: another name, so that nothing is lost")
    if options.resume and PIPE in (source, target):
        raise FileError("a pipe cannot be resumed; accepted with --resume: files")
    with _opened(source) as (file, size), naming(source):
        opened = OpenedFile(file, size, source_format)
        job = open_job(predictor, opened, target, options, on_progress)
        if on_opened:
            on_opened(job.table)
        if target == PIPE:
            return job.run(_write_to_pipe)
        return write_file(job, target, _identity(source, options, predictor), resume=options.resume)


class OpenedFile(NamedTuple):
    """A file to be scored, open at its beginning.

    Attributes:
        file: what is compressed is read as what it was.
        size: in bytes, where it is known.
        format: that its name says, where it has a name.
        row_groups: of a Parquet file that are scored: the first, and the one behind the last; None for all.
    """

    file: BinaryIO
    size: int | None = None
    format: Format | None = None
    row_groups: tuple[int, int] | None = None


def open_job(
    predictor: PredictorLike,
    source: OpenedFile,
    target: Path,
    options: ScoreOptions,
    on_progress: Callable[[ScoreProgress], None] | None = None,
) -> ScoringJob:
    """A job of which nothing is done yet.

    Args:
        predictor: called by several threads at once.
        source: what is read.
        target: what will be written, whose suffix says its format; or PIPE.
        options: how the file is read, and with what it is scored.
        on_progress: told after every chunk.

    Raises:
        FileError: the file cannot be read, or not be written in that format.
    """
    model_input = table_input(predictor)
    read_options = _read_options(options, source.size)._replace(names=model_input.names)
    reader = open_reader(source.file, read_options, source.format)
    table = open_table(reader, model_input, options.text_column, options.max_text_chars)
    if source.row_groups:  # the columns are the whole file's, so that all parts have the same
        reader = open_reader(source.file, read_options._replace(row_groups=source.row_groups), source.format)
        table = Table(reader, reader.rows(), table.extract)
    with naming(target):
        target_format = _pipe_format(options.pipe_format, table.reader.format) if target == PIPE else format_of(target)
        added = model_input.added.telling_uncertain(options.min_probability)
        if options.tasks:
            writer: Writer = TaskWriter(table, added, options.tasks, predictor.metadata.model_version)
        else:
            encoding = check_encoding(options.output_encoding)
            writer = open_writer(target_format, table.reader, source.format, added, encoding)
    return ScoringJob(predictor, table, writer, options.threads, on_progress)


def write_file(job: ScoringJob, target: Path, identity: Identity, *, resume: bool = False) -> ScoreProgress:
    """Run a job into a file, which appears only when it is whole. Raises FileError.

    Args:
        job: of which nothing is done yet.
        target: the file.
        identity: of the work.
        resume: continue what an interrupted run has left.
    """
    with ResumableFile(target, identity, resume=resume) as output:
        append = _compressed(output.append) if target.suffix.lower() == GZIP else output.append
        progress = job.run(append, output.checkpoint.rows)
        output.commit(job.writer.finish)
    return progress


def kind_of(fault: str) -> str:
    """A row's fault without its figures: "2 cells where the header has 3" is "# cells where the header has #"."""
    return _FIGURE.sub("#", fault)


def _compressed(append: Callable[[bytes, int], None]) -> Callable[[bytes, int], None]:
    """Each page as a gzip member: one after the other they are a gzip file (RFC 1952, section 2.2)."""
    return lambda page, rows: append(gzip.compress(page, mtime=0), rows)


def _write_to_pipe(page: bytes, rows: int) -> None:  # noqa: ARG001
    sys.stdout.buffer.write(page)
    sys.stdout.buffer.flush()


def _pipe_format(name: str, source_format: Format) -> Format:
    """The format of what is written to a pipe."""
    pipe_format = STREAMS.get(name.lower(), None if name else source_format)
    if pipe_format is None or pipe_format.open_text is None:
        raise FileError(f"standard output cannot be {name or source_format.name}; accepted: {', '.join(STREAMS)}")
    return pipe_format


@contextmanager
def _opened(source: Path) -> Iterator[tuple[BinaryIO, int | None]]:
    """The file and its size, where it has one that is known."""
    if source == PIPE:
        yield sys.stdin.buffer, None
        return
    try:
        file = source.open("rb")
    except OSError as error:
        raise FileError(f"{source}: cannot be read ({error.strerror})") from error
    with file, unpacked(file, source) as (content, is_packed):
        yield content, None if is_packed else source.stat().st_size


@contextmanager
def unpacked(file: BinaryIO, path: PurePath | str) -> Iterator[tuple[BinaryIO, bool]]:
    """The content of a file, and whether it is packed, as its name says. Raises FileError where it is broken."""
    if not str(path).lower().endswith(GZIP):
        yield file, False
        return
    try:
        with gzip.open(file) as content:
            yield cast(BinaryIO, content), True
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FileError(f"{path}: is no whole gzip file: {error}") from error


@contextmanager
def naming(path: PurePath | str) -> Iterator[None]:
    """Errors of its reader or writer name the file."""
    try:
        yield
    except RowsError as error:
        raise FileError(f"{path}: {error}") from error


def _read_options(options: ScoreOptions, size: int | None) -> ReadOptions:
    encoding, delimiter = check_encoding(options.encoding), check_delimiter(options.delimiter)
    return ReadOptions(encoding, delimiter, check_header(options.header), size=size)


def _identity(source: Path, options: ScoreOptions, predictor: PredictorLike) -> Identity:
    """What must be the same for a scoring to be continued."""
    if source == PIPE:
        return {}
    with source.open("rb") as file:
        beginning = sha256(file.read(_HASHED_BYTES)).hexdigest()
    status = source.stat()
    return {
        "input": f"{status.st_size} bytes that begin with {beginning}",
        "time of the input": status.st_mtime_ns,
        "model": predictor.metadata.model_version,
        "number of tasks": options.tasks,
        **identity_of(options),
    }


def identity_of(options: ScoreOptions) -> Identity:
    """What of the options decides the content of an output."""
    return {
        "text column": options.text_column,
        "encoding": options.encoding,
        "delimiter": options.delimiter,
        "header": options.header,
        "output encoding": options.output_encoding,
        "limit of characters": options.max_text_chars,
        "least probability": options.min_probability,
    }
