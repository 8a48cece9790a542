"""The fields of an HTML form's body, in order, as pairs of name and text."""

import re
from collections.abc import AsyncGenerator
from urllib.parse import unquote_to_bytes

from starlette.datastructures import FormData, Headers
from starlette.formparsers import MultiPartException, MultiPartParser

from serving.errors import InvalidFile, MalformedBody
from serving.web.requests.parsing import decode

MAX_FIELDS = 100

# RFC 2046, section 5.1.1.
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")

Fields = list[tuple[str, str | None]]
"""A file has None in place of its text."""


def parse_urlencoded(body: bytes) -> Fields:
    """The fields of an application/x-www-form-urlencoded body, percent-encoded or raw UTF-8.

    Raises MalformedBody where a byte, encoded or raw, is not UTF-8, and where there are more than MAX_FIELDS fields.
    """
    decode(body)
    pieces = body.split(b"&")
    if len(pieces) > MAX_FIELDS:
        raise MalformedBody(f"The form has more than {MAX_FIELDS} fields.", code="malformed_form")
    try:
        pairs = [piece.partition(b"=") for piece in pieces if piece]
        return [(_percent_decoded(name), _unix_newlines(_percent_decoded(value))) for name, _, value in pairs]
    except UnicodeDecodeError:
        raise MalformedBody("The form's percent-encoded bytes are not UTF-8.", code="not_utf8") from None


def _percent_decoded(data: bytes) -> str:
    # Bytes throughout: urllib's parse_qsl would cut the text up to tell what is ASCII in it.
    return unquote_to_bytes(data.replace(b"+", b" ")).decode()


async def parse_multipart(body: bytes, boundary: str) -> Fields:
    """The fields of a multipart/form-data body (RFC 7578).

    Raises MalformedBody where the boundary is missing or ill-formed, the body is broken or cut off, a text is not
    UTF-8, and where there are more than MAX_FIELDS fields or files.
    """
    form = await parse_parts(_stream(body), boundary, max_field_bytes=len(body))
    try:
        return [
            (field_text(name), _unix_newlines(field_text(value)) if isinstance(value, str) else None)
            for name, value in form.multi_items()
        ]
    finally:
        await form.close()


class _CheckedParser(MultiPartParser):
    """Also knows whether the closing boundary was seen, which Starlette's own does not ask for."""

    spool_max_size = 64 * 1024  # a larger file goes to disk with its first bytes
    complete = False

    @property
    def too_many_files(self) -> bool:
        return self._current_files > self.max_files

    def on_end(self) -> None:
        self.complete = True

    def close_files(self) -> None:
        """Also the one that breaks off: the form does not know of it."""
        for file in self._files_to_close_on_error:
            file.close()


async def parse_parts(
    stream: AsyncGenerator[bytes, None],
    boundary: str,
    *,
    max_field_bytes: int,
    one_file: bool = False,
) -> FormData:
    """The parts of a multipart/form-data body; files go to temporary files, and names and values need `field_text`.

    The caller closes the form. Raises InvalidFile where `one_file` is wanted and another begins, MalformedBody as
    `parse_multipart` does, and what the stream raises.
    """
    if not _BOUNDARY.fullmatch(boundary):
        raise MalformedBody(
            "The Content-Type has no well-formed boundary, which multipart/form-data needs (RFC 2046).",
            code="malformed_form",
        )
    # Starlette decodes with a fallback that would turn bytes that are not UTF-8 into other characters without a word.
    # Latin-1 keeps every byte, so that the strict decoding can be done here.
    headers = Headers({"content-type": f'multipart/form-data; charset=latin-1; boundary="{boundary}"'})
    max_files = 1 if one_file else MAX_FIELDS
    parser = _CheckedParser(headers, stream, max_files=max_files, max_fields=MAX_FIELDS, max_part_size=max_field_bytes)
    try:
        form = await parser.parse()
    except MultiPartException:
        if one_file and parser.too_many_files:
            raise InvalidFile("The form has more than one file; accepted is one.", code="file_repeated") from None
        raise MalformedBody(
            f"The body is not well-formed multipart/form-data (RFC 7578) of at most {MAX_FIELDS} fields.",
            code="malformed_form",
        ) from None
    if not parser.complete:
        parser.close_files()
        raise MalformedBody("The multipart body ends before its closing boundary.", code="malformed_form")
    return form


async def _stream(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


def field_text(value: str) -> str:
    """A name or value of `parse_parts`. Raises MalformedBody where it is not UTF-8."""
    return decode(value.encode("latin-1"), "form field")


def _unix_newlines(value: str) -> str:
    """A form's line breaks are CR LF on the wire, whatever was typed (WHATWG HTML, form submission).

    Undone here, a text has the same characters, and the same number of them, as the textarea or a JSON client sent.
    """
    return value.replace("\r\n", "\n")
