"""Files that clients send: taken in within their limits, and kept on disk until they are answered."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from serving.errors import BodyTooLarge, BodyTooSlow, InvalidFile, Overloaded, RowsError
from serving.settings import Settings
from serving.tables.delimited import MAX_RECORD
from serving.tables.sniffing import check_delimiter, check_encoding
from serving.web.requests.forms import field_text, parse_parts
from serving.web.requests.headers import MULTIPART, content_type
from serving.web.requests.parsing import shown

PACE = 1024
PATIENCE = 30.0
"""A client may fall behind PACE, in bytes a second, by so many seconds: else it would be waited for without end."""

FAIR = 32 * 1024
GRACE = 3.0
"""Where others want its place, a client may fall behind FAIR, in bytes a second, by so many seconds."""

UNSEEN = 1024 * 1024
"""Bytes to a client that the system may take at once and hold: only then does it say again how many are gone."""


class Transfer:
    """One file's way in and its answer's way out: how far its client is behind.

    Only the time counts in which the service waits for the client. What is faster than it must be gives no credit, but
    for UNSEEN: a client that was fast and stops is as far behind as one that was slow.
    """

    def __init__(self) -> None:
        self._behind, self._behind_fair = 0.0, 0.0
        self._since = 0.0
        self._timeout: asyncio.Timeout | None = None
        self._given_up = False

    @property
    def lag(self) -> float:
        """Seconds by which a client that is waited for is behind FAIR; 0 where nobody waits for it."""
        if self._timeout is None or self._timeout.expired():
            return 0.0
        return self._behind_fair + asyncio.get_running_loop().time() - self._since

    def receiving(self) -> AbstractAsyncContextManager[None]:
        """Around a wait for what the client sends. Raises TimeoutError where it is too slow, or too slow for others."""
        return self._waiting(PATIENCE - self._behind)

    def sending(self) -> AbstractAsyncContextManager[None]:
        """Around a wait for the client to read. The least pace of that is what `server.protocol` looks after."""
        return self._waiting(None)

    @asynccontextmanager
    async def _waiting(self, seconds: float | None) -> AsyncIterator[None]:
        clock = asyncio.get_running_loop().time
        self._since = clock()
        try:
            async with asyncio.timeout(seconds) as self._timeout:
                yield
        finally:
            self._timeout = None
            waited = clock() - self._since
            self._behind, self._behind_fair = self._behind + waited, self._behind_fair + waited
        if self._given_up:  # what was waited for came at the same moment
            raise TimeoutError

    def received(self, size: int) -> None:
        """So many bytes came from the client."""
        self._behind = max(0.0, self._behind - size / PACE)
        self._behind_fair = max(0.0, self._behind_fair - size / FAIR)

    def sent(self, size: int) -> None:
        """So many bytes went to the client, or as far as the system's own memory for them."""
        self._behind_fair = max(-UNSEEN / FAIR, self._behind_fair - size / FAIR)

    def give_up(self) -> None:
        """Wait no longer for the client, which is waited for now."""
        assert self._timeout is not None
        self._given_up = True
        self._timeout.reschedule(asyncio.get_running_loop().time())


class Transfers:
    """The files that are on disk, from their first byte to the last one of their answer: at most `limit`.

    Slow clients may hold every place, but none that another client wants. Of the `turns`, whose number is `at_once`, a
    file holds one while some of its rows are predicted, and none while the service waits for its client.
    """

    def __init__(self, limit: int, at_once: int) -> None:
        self._limit = limit
        self._under_way: set[Transfer] = set()
        self.turns = asyncio.Semaphore(at_once)

    @contextmanager
    def begin(self) -> Iterator[Transfer]:
        """A place, until the block ends. Where none is free, the slowest client is given up; else raises Overloaded."""
        if len(self._under_way) >= self._limit:
            self._make_room()
        transfer = Transfer()
        self._under_way.add(transfer)
        try:
            yield transfer
        finally:
            self._under_way.discard(transfer)

    def _make_room(self) -> None:
        slowest = max(self._under_way, key=lambda transfer: transfer.lag)
        if slowest.lag < GRACE:
            raise Overloaded(
                f"The service is at work on {self._limit:,} files, the most that it takes at once. Try again shortly.",
                headers={"Retry-After": "5"},
            )
        self._under_way.discard(slowest)
        slowest.give_up()


FIELDS = ("text_column", "delimiter", "encoding")
_LENGTH = re.compile(r"[0-9]{1,18}")  # longer numbers are left to the count while reading
_ROOM = 64 * 1024  # for the parts' headers and the other fields
_FIELD = 8 * 1024  # bytes of one other field


@dataclass(frozen=True, slots=True)
class Upload:
    """A client's file, at its beginning, and how it is to be read.

    `size` in bytes; `lines`: how many it has, so that its rows are no more. `text_column`, `delimiter`: "" to guess.
    """

    file: BinaryIO
    size: int
    lines: int
    text_column: str
    delimiter: str
    encoding: str
    transfer: Transfer = field(default_factory=Transfer)


@asynccontextmanager
async def taken_in(request: Request, settings: Settings, transfers: Transfers) -> AsyncIterator[Upload]:
    """The file of a multipart/form-data request (RFC 7578), in a temporary file that is gone after the block.

    It is read to its end before the first byte of the answer. Most clients, browsers and proxies among them, read
    nothing until they have sent everything; a service that answers meanwhile stops reading when they take none of
    its answer, and both wait for ever. It also leaves every refusal its status, and lets fields follow the file.

    Raises UnsupportedMediaType, MalformedBody, BodyTooLarge as soon as a limit is passed, BodyTooSlow, Overloaded and
    InvalidFile.
    """
    kind = content_type(request.scope["headers"], accepted=(MULTIPART,))
    limit = settings.max_file_bytes
    _check_length(request, limit)
    # Whoever is refused by the headers alone must not cost another client its place.
    with transfers.begin() as transfer:
        stream = _limited(request, transfer, limit)
        form = await parse_parts(stream, kind.boundary, max_field_bytes=_FIELD, one_file=True)
        try:
            yield await _upload(form, limit, transfer)
        finally:
            await form.close()


def _check_length(request: Request, limit: int) -> None:
    declared = request.headers.get("content-length", "")
    if _LENGTH.fullmatch(declared) and int(declared) > limit + _ROOM:
        raise _too_large(limit)


async def _limited(request: Request, transfer: Transfer, limit: int) -> AsyncGenerator[bytes, None]:
    """The body, as long as its file can have at most so many bytes and keeps coming."""
    size, stream = 0, request.stream()
    while True:
        try:
            async with transfer.receiving():
                chunk = await anext(stream, None)
        except TimeoutError:
            raise BodyTooSlow(
                f"The file came too slowly; accepted are {PACE:,} bytes a second, or {FAIR:,} where others wait.",
                headers={"Connection": "close"},
            ) from None
        if chunk is None:
            return
        transfer.received(len(chunk))
        size += len(chunk)
        if size > limit + _ROOM:
            raise _too_large(limit)
        yield chunk


async def _upload(form: FormData, limit: int, transfer: Transfer) -> Upload:
    fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    sent = _file(form)
    size = sent.size or 0
    if size > limit:
        raise _too_large(limit)
    try:
        text_column, delimiter, encoding = (field_text(fields.get(name, "")) for name in FIELDS)
        return Upload(
            file=sent.file,
            size=size,
            lines=await asyncio.to_thread(_count_lines, sent.file),
            text_column=text_column,
            delimiter=delimiter and check_delimiter(delimiter),
            encoding=check_encoding(encoding.strip() or "utf-8"),
            transfer=transfer,
        )
    except RowsError as error:
        raise unusable(error) from None


def _file(form: FormData) -> UploadFile:
    files = [value for name, value in form.multi_items() if name == "file"]
    if not files:
        found = ", ".join(shown(field_text(name)) for name, _ in form.multi_items()[:5]) or "none"
        raise InvalidFile(f"The form has no field `file`; its fields: {found}.", code="file_missing")
    if len(files) > 1:
        raise InvalidFile(f"The form has {len(files)} fields `file`; accepted is one.", code="file_repeated")
    (file,) = files
    if isinstance(file, str):
        raise InvalidFile("`file` is a plain field; accepted is a file.", code="file_missing")
    if not file.filename and not file.size:
        raise InvalidFile("No file was chosen; accepted is a CSV file.", code="file_missing")
    return file


def _count_lines(file: BinaryIO) -> int:
    """How many lines a file has. Raises RowsError for one that no row can be made of, before any row is answered."""
    lines = 0
    while line := file.readline(MAX_RECORD + 1):
        lines += 1
        if len(line) > MAX_RECORD:
            raise RowsError(f"line {lines:,} has more than {MAX_RECORD:,} bytes", code="line_too_long")
    file.seek(0)
    return lines


def unusable(error: RowsError) -> InvalidFile:
    """The answer to a file that cannot be read."""
    return InvalidFile(f"The file cannot be used: {error}.", code=error.code)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"The file is larger than {limit:,} bytes, the most that is accepted.",
        code="file_too_large",
        headers={"Connection": "close"},  # or the server would take in the rest, which may have no end
    )
