"""Files that clients send: taken in within their limits, and kept on disk until they are answered."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from serving.content_type import MULTIPART, content_type
from serving.errors import BodyTooLarge, BodyTooSlow, InvalidFile, RowsError
from serving.forms import field_text, parse_parts
from serving.parsing import shown
from serving.rows.dialect import check_delimiter, check_encoding
from serving.rows.records import MAX_RECORD
from serving.settings import Settings
from serving.transfers import FAIR, PACE, Transfer, Transfers

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
