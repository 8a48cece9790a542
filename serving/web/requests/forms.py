"""HTML form bodies: urlencoded and multipart, in strict UTF-8."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from urllib.parse import unquote_to_bytes

from starlette.datastructures import FormData, Headers
from starlette.formparsers import MultiPartException, MultiPartParser

from serving.errors import InvalidFile, MalformedBody
from serving.web.requests.parsing import decode, shown

MAX_FIELDS = 100  # of the few that are read of a text's, and whatever else a page's form has

# RFC 2046, section 5.1.1.
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")

# Name and text, in order; a file has None in place of its text.
Fields = list[tuple[str, str | None]]


def parse_urlencoded(body: bytes, max_fields: int = MAX_FIELDS) -> Fields:
    """Parse an application/x-www-form-urlencoded body, percent-encoded or raw UTF-8.

    Raises:
        MalformedBody: a byte, encoded or raw, is not UTF-8, there are more than `max_fields` fields, or one behind
            another has no `=`, as the end of a text whose & was not encoded.
    """
    decode(body)
    pairs = [pair.partition(b"=") for pair in body.split(b"&") if pair]
    if len(pairs) > max_fields:
        raise MalformedBody(f"The form has more than {max_fields} fields.", code="malformed_form")
    try:
        fields: Fields = [(_percent_decoded(name), _unix_newlines(_percent_decoded(value))) for name, _, value in pairs]
    except UnicodeDecodeError:
        raise MalformedBody("The form's percent-encoded bytes are not UTF-8.", code="not_utf8") from None
    # Where the first one has no `=`, this is no form at all, and JSON may have any signs: `text` is missing in both.
    if len(pairs) > 1 and pairs[0][1] and not body.lstrip().startswith(b"{"):
        _check_ampersands(fields, [equals for _, equals, _ in pairs])
    return fields


def _check_ampersands(fields: Fields, equals: list[bytes]) -> None:
    if b"" in equals:
        name, _ = fields[equals.index(b"")]
        raise MalformedBody(
            f"The form's field {shown(name)} has no `=`. If it belongs to a text: a & inside a text is written %26, "
            "which `curl --data-urlencode` does by itself.",
            code="field_without_equals",
        )


def _percent_decoded(data: bytes) -> str:
    # Bytes throughout: urllib's parse_qsl would cut the text up to tell what is ASCII in it.
    return unquote_to_bytes(data.replace(b"+", b" ")).decode()


async def parse_multipart(body: bytes, boundary: str, max_fields: int = MAX_FIELDS) -> Fields:
    """Parse a multipart/form-data body (RFC 7578).

    Raises:
        MalformedBody: the boundary is missing or ill-formed, the body is broken or cut off, a text is not UTF-8, or
            there are more than `max_fields` fields or files.
    """
    form = await parse_parts(_stream(body), boundary, max_field_bytes=len(body), max_fields=max_fields)
    try:
        return [
            (field_text(name), _unix_newlines(field_text(value)) if isinstance(value, str) else None)
            for name, value in form.multi_items()
        ]
    finally:
        await form.close()


class _MultipartParser(MultiPartParser):
    """Starlette's, which does not ask whether the closing boundary was seen."""

    spool_max_size = 64 * 1024  # a larger file goes to disk with its first bytes
    complete = False

    def on_end(self) -> None:
        self.complete = True


async def parse_parts(
    stream: AsyncGenerator[bytes, None],
    boundary: str,
    *,
    max_field_bytes: int,
    max_fields: int = MAX_FIELDS,
    one_file: bool = False,
) -> FormData:
    """Parse the parts of a multipart/form-data body; files go to temporary files.

    Args:
        stream: the body.
        boundary: the parameter of its Content-Type.
        max_field_bytes: that a part which is no file may have.
        max_fields: that are accepted, and as many files.
        one_file: accept one file at most.

    Returns:
        The form, which the caller closes. Its names and values need `field_text`.

    Raises:
        InvalidFile: another file begins where one is accepted.
        MalformedBody: as for `parse_multipart`. What the stream raises is raised on.
    """
    if not _BOUNDARY.fullmatch(boundary):
        raise MalformedBody(
            "The Content-Type has no well-formed boundary, which multipart/form-data needs (RFC 2046).",
            code="malformed_form",
        )

    async def checked_stream() -> AsyncGenerator[bytes, None]:
        async for chunk in stream:
            yield chunk
        if not parser.complete:  # raised inside the parser, which then closes its files
            raise MalformedBody("The multipart body ends before its closing boundary.", code="malformed_form")

    # Starlette decodes with a fallback that would turn bytes that are not UTF-8 into other characters without a word.
    # Latin-1 keeps every byte, so that the strict decoding can be done here.
    headers = Headers({"content-type": f'multipart/form-data; charset=latin-1; boundary="{boundary}"'})
    max_files = 1 if one_file else max_fields
    try:
        async with aclosing(checked_stream()) as chunks:
            parser = _MultipartParser(
                headers, chunks, max_files=max_files, max_fields=max_fields, max_part_size=max_field_bytes
            )
            return await parser.parse()
    except MultiPartException as error:
        if one_file and error.message.startswith("Too many files"):
            raise InvalidFile("The form has more than one file; accepted is one.", code="file_repeated") from None
        raise MalformedBody(
            f"The body is not well-formed multipart/form-data (RFC 7578) of at most {max_fields} fields.",
            code="malformed_form",
        ) from None


def json_advice(fields: Fields) -> str:
    """What to say to whoever has sent JSON as a form: what curl sends for `-d '{...}'` with no header."""
    is_json = any(name.lstrip().startswith("{") for name, _ in fields)
    return " It looks like JSON: send that as Content-Type: application/json." if is_json else ""


async def _stream(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


def field_text(value: str) -> str:
    """Decode a name or value of `parse_parts`.

    Raises:
        MalformedBody: it is not UTF-8.
    """
    return decode(value.encode("latin-1"), "form field")


def _unix_newlines(value: str) -> str:
    """Undo that a form's line breaks are CR LF on the wire, whatever was typed (WHATWG HTML, form submission).

    A text then has the same characters, and the same number of them, as the textarea or a JSON client sent.
    """
    return value.replace("\r\n", "\n")
