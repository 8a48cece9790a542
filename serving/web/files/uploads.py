"""Uploads: files that clients send, received within their limits and kept on disk until they are answered."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from serving.errors import BodyTooLarge, BodyTooSlow, InvalidFile, Overloaded, RowsError
from serving.settings import Settings
from serving.tables.base import ReadOptions
from serving.tables.dialect import check_delimiter, check_header
from serving.tables.text import check_encoding
from serving.web.requests.forms import field_text, parse_parts
from serving.web.requests.headers import MULTIPART, content_type
from serving.web.requests.parsing import shown
from serving.web.requests.predict_request import MinProbability
from serving.web.requests.validation_errors import BAD_MIN_PROBABILITY

# Bytes a second that a client has to send: a slow phone does more, and a slower client would keep its place, of which
# there are MAX_UPLOADS, for hours.
MIN_PACE = 16 * 1024
# Times CLIENT_TIMEOUT that a client may be behind MIN_PACE: a file takes minutes, and a connection may falter.
PATIENCE = 3

# How a file is read and answered: the fields of the form beside it.
OPTIONS = ("text_column", "delimiter", "encoding", "header", "output_encoding", "min_probability")

_LENGTH = re.compile(r"[0-9]{1,18}")  # longer numbers are left to the count while reading
_FORM_BYTES = 64 * 1024  # for the parts' headers and the fields beside the file
_FIELD_BYTES = 8 * 1024  # of one such field
_MIN_PROBABILITY: TypeAdapter[float] = TypeAdapter(MinProbability)


@dataclass(frozen=True, slots=True)
class Upload:
    """A client's file, at its beginning.

    Attributes:
        file: open until the request ends.
        options: how it is to be read; with its size in bytes.
        text_column: "" to find it.
        output_encoding: of the answer; "" for UTF-8.
        min_probability: below which a label is uncertain; None where it says none.
    """

    file: BinaryIO
    options: ReadOptions
    text_column: str
    output_encoding: str
    min_probability: float | None = None


@asynccontextmanager
async def receive_upload(
    request: Request, settings: Settings, slots: asyncio.Semaphore, *, patience: float | None = None
) -> AsyncIterator[Upload]:
    """The file of a multipart/form-data request (RFC 7578), in a temporary file that is gone after the block.

    It is read to its end before the first byte of the answer. Most clients, browsers and proxies among them, read
    nothing until they have sent everything; a service that answers meanwhile stops reading when they take none of
    its answer, and both wait for ever. It also leaves every refusal its status, and lets fields follow the file.

    Args:
        request: its body is read here.
        settings: the limits.
        slots: MAX_UPLOADS of them; the file holds one until the block ends.
        patience: seconds that the client may be behind MIN_PACE; by default PATIENCE times CLIENT_TIMEOUT.

    Raises:
        UnsupportedMediaType: it is no such form.
        Overloaded: no slot is free.
        BodyTooLarge: as soon as a limit is passed.
        BodyTooSlow: the client is too far behind.
        MalformedBody: the form is broken or cut off.
        InvalidFile: the form has not one file, has a field of another name, or says what is unknown of how to read it.
    """
    form_type = content_type(request.scope["headers"], accepted=(MULTIPART,))
    max_bytes = settings.max_file_bytes
    _check_length(request, max_bytes)
    if slots.locked():
        raise Overloaded(
            f"The service is at work on {settings.max_uploads:,} files, the most that it takes at once. "
            "Try again shortly.",
            headers={"Retry-After": "5"},
        )
    async with slots:
        body = _limited(request, max_bytes, patience or PATIENCE * settings.client_timeout)
        form = await parse_parts(body, form_type.boundary, max_field_bytes=_FIELD_BYTES, one_file=True)
        try:
            yield _upload(form, max_bytes)
        finally:
            await form.close()


def unusable(error: RowsError) -> InvalidFile:
    """The answer to a file that cannot be read."""
    return InvalidFile(f"The file cannot be used: {error}.", code=error.code, columns=error.columns)


def _check_length(request: Request, max_bytes: int) -> None:
    declared = request.headers.get("content-length", "")
    if _LENGTH.fullmatch(declared) and int(declared) > max_bytes + _FORM_BYTES:
        raise _too_large(max_bytes)


async def _limited(request: Request, max_bytes: int, patience: float) -> AsyncGenerator[bytes, None]:
    """The body, as long as its file can have at most so many bytes and keeps coming."""
    clock = asyncio.get_running_loop().time
    stream = request.stream()
    size = 0
    deadline = clock() + patience
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise BodyTooSlow(
                f"The file came too slowly; accepted are {MIN_PACE:,} bytes a second.", headers={"Connection": "close"}
            ) from None
        if chunk is None:
            return
        size += len(chunk)
        if size > max_bytes + _FORM_BYTES:
            raise _too_large(max_bytes)
        # Who was faster than need be may not stop for longer than others.
        deadline = min(deadline + len(chunk) / MIN_PACE, clock() + patience)
        yield chunk


def _upload(form: FormData, max_bytes: int) -> Upload:
    file = _file(form)
    fields = _fields(form)
    size = file.size or 0
    if size > max_bytes:
        raise _too_large(max_bytes)
    column, delimiter, encoding, header, output_encoding, least = (fields.get(name, "") for name in OPTIONS)
    min_probability = _min_probability(least)
    try:
        options = ReadOptions(
            encoding=check_encoding(encoding.strip()),
            delimiter=check_delimiter(delimiter),
            header=check_header(header),
            size=size,
        )
        return Upload(file.file, options, column, check_encoding(output_encoding.strip()), min_probability)
    except RowsError as error:
        raise unusable(error) from None


def _min_probability(value: str) -> float | None:
    try:
        return _MIN_PROBABILITY.validate_python(value) if value.strip() else None
    except ValidationError:
        code, sentence = BAD_MIN_PROBABILITY
        raise InvalidFile(sentence.format(value=shown(value)), code=code) from None


def _file(form: FormData) -> UploadFile:
    files = [value for name, value in form.multi_items() if name == "file"]
    if not files:
        names = ", ".join(shown(field_text(name)) for name, _ in form.multi_items()[:5]) or "none"
        raise InvalidFile(f"The form has no field `file`; its fields: {names}.", code="file_missing")
    if len(files) > 1:
        raise InvalidFile(f"The form has {len(files)} fields `file`; accepted is one.", code="file_repeated")
    (file,) = files
    if isinstance(file, str):
        raise InvalidFile("`file` is a plain field; accepted is a file.", code="file_missing")
    if not file.filename and not file.size:
        raise InvalidFile("No file was chosen; accepted is a CSV, TSV or JSONL file.", code="file_missing")
    return file


def _fields(form: FormData) -> dict[str, str]:
    """The options that were sent. One that is misspelt would change the answer without a word, so it is refused."""
    fields = {field_text(name): field_text(value) for name, value in form.multi_items() if isinstance(value, str)}
    if unknown := fields.keys() - {*OPTIONS}:
        raise InvalidFile(
            f"The form has a field {shown(min(unknown))}, which is unknown; accepted: file, {', '.join(OPTIONS)}.",
            code="unknown_field",
        )
    return fields


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"The file is larger than {max_bytes:,} bytes, the most that is accepted.",
        code="file_too_large",
        headers={"Connection": "close"},  # or the server would take in the rest, which may have no end
    )
