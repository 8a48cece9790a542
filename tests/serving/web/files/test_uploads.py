import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from starlette.requests import Request

from serving.errors import BodyTooLarge, BodyTooSlow, InvalidFile, Overloaded, RequestError
from serving.settings import Settings
from serving.tables.base import ReadOptions
from serving.web.files.uploads import MIN_PACE, Upload, receive_upload

pytestmark = pytest.mark.anyio

Receive = Callable[[], Awaitable[dict[str, Any]]]


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"


def request_of(receive: Receive, content_type: str = "multipart/form-data; boundary=b", length: int = 0) -> Request:
    headers = [(b"content-type", content_type.encode())]
    if length:
        headers.append((b"content-length", str(length).encode()))
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def in_chunks(body: bytes, size: int = 1000) -> Receive:
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    messages = iter([{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks])

    async def receive() -> dict[str, Any]:
        return next(messages, {"type": "http.request", "body": b"", "more_body": False})

    return receive


async def take(request: Request, *, patience: float = 30, **settings: Any) -> tuple[Upload, bytes]:
    async with receive_upload(request, Settings(**settings), asyncio.Semaphore(1), patience=patience) as upload:
        return upload, upload.file.read()


async def take_form(*parts: bytes, **settings: Any) -> tuple[Upload, bytes]:
    return await take(request_of(in_chunks(b"".join([*parts, b"--b--\r\n"]))), **settings)


async def refusal(*parts: bytes, **settings: Any) -> tuple[int, str]:
    with pytest.raises(RequestError) as caught:
        await take_form(*parts, **settings)
    return caught.value.status, caught.value.error_code


FILE = part("file", b"text\ngood\n", "a.csv")


async def test_a_file_with_its_fields_in_any_order() -> None:
    fields = [part("text_column", "mögen".encode()), part("delimiter", b"tab"), part("encoding", b"Windows-1252")]
    fields += [part("header", b"False"), part("output_encoding", b"Latin-1 ")]
    for parts in ([*fields, FILE], [FILE, *fields]):
        upload, content = await take_form(*parts)
        assert content == b"text\ngood\n"
        assert upload.text_column == "mögen"
        assert upload.options == ReadOptions("cp1252", "\t", "false", size=10)
        assert upload.output_encoding == "iso8859-1"


async def test_what_is_not_said_is_found_out() -> None:
    names = ("delimiter", "encoding", "text_column", "header", "output_encoding")
    for parts in ([FILE], [FILE, *(part(name, b"") for name in names)], [FILE, part("encoding", b" ")]):
        upload, _ = await take_form(*parts)
        assert (upload.text_column, upload.output_encoding) == ("", "")
        assert upload.options == ReadOptions(size=10)


async def test_a_file_is_gone_afterwards() -> None:
    upload, content = await take_form(part("file", b"good\n" * 400_000, "a"))
    assert len(content) == 2_000_000
    assert upload.file.closed


async def test_slots_are_given_back() -> None:
    slots, settings = asyncio.Semaphore(1), Settings(max_uploads=1)
    for _ in range(2):
        async with receive_upload(request_of(in_chunks(FILE + b"--b--\r\n")), settings, slots):
            with pytest.raises(Overloaded, match="at work on 1 files") as refused:
                async with receive_upload(request_of(in_chunks(FILE)), settings, slots):
                    pass
            assert refused.value.headers == {"Retry-After": "5"}


async def test_who_is_refused_by_the_headers_takes_no_slot() -> None:
    slots = asyncio.Semaphore(1)
    async with slots:
        with pytest.raises(BodyTooLarge):
            async with receive_upload(request_of(in_chunks(FILE), length=10**9), Settings(), slots):
                pass


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([part("text_column", b"a")], (422, "file_missing")),
        ([part("file", b"text")], (422, "file_missing")),
        ([part("file", b"", "")], (422, "file_missing")),
        ([FILE, FILE], (422, "file_repeated")),
        ([FILE, part("other", b"", "a.csv")], (422, "file_repeated")),
        ([part("file", b"text"), FILE], (422, "file_repeated")),
        ([FILE, part("encoding", b"zip")], (422, "unknown_encoding")),
        ([FILE, part("output_encoding", b"zip")], (422, "unknown_encoding")),
        ([FILE, part("delimiter", b":")], (422, "unknown_delimiter")),
        ([FILE, part("header", b"perhaps")], (422, "unknown_header")),
        ([FILE, part("text_colum", b"a")], (422, "unknown_field")),
        ([FILE, part("text_column", b"\xff")], (400, "not_utf8")),
        ([FILE, part("other", b"x" * 9_000)], (400, "malformed_form")),
        ([part("file", b"x" * 1025, "a")], (413, "file_too_large")),
    ],
)
async def test_refusals(parts: list[bytes], expected: tuple[int, str]) -> None:
    limit = 1024 if expected[0] == 413 else 10_000_000
    assert await refusal(*parts, max_file_bytes=limit) == expected


async def test_a_field_that_is_unknown_is_named_with_those_that_are_accepted() -> None:
    """A misspelt option would change the answer without a word."""
    names = "file, text_column, delimiter, encoding, header, output_encoding"
    with pytest.raises(InvalidFile, match=f"a field 'größe', which is unknown; accepted: {names}"):
        await take_form(part("größe", b""), FILE)


async def test_a_second_file_is_refused_before_any_of_it_is_kept() -> None:
    receive = in_chunks(FILE + part("other", b"x" * 100_000, "b.csv") * 99)
    with pytest.raises(InvalidFile, match="more than one file; accepted is one"):
        await take(request_of(receive))
    unread = 0
    while (await receive())["more_body"]:
        unread += 1
    assert unread > 9_800


async def test_a_body_that_breaks_off() -> None:
    with pytest.raises(RequestError, match="closing boundary"):
        await take(request_of(in_chunks(FILE)))


async def test_other_bodies() -> None:
    with pytest.raises(RequestError, match=r"accepted is multipart/form-data\."):
        await take(request_of(in_chunks(b"text=a"), "application/x-www-form-urlencoded"))


async def test_a_length_that_is_too_large_is_refused_before_anything_is_read() -> None:
    async def receive() -> dict[str, Any]:
        raise AssertionError

    with pytest.raises(BodyTooLarge, match="larger than 1,024 bytes"):
        await take(request_of(receive, length=10**9), max_file_bytes=1024)


async def test_a_body_without_a_length_is_refused_while_it_is_read() -> None:
    received = 0

    async def stream() -> AsyncIterator[dict[str, Any]]:
        nonlocal received
        yield {"type": "http.request", "body": part("file", b"", "a")[:-2], "more_body": True}
        while True:
            received += 1
            yield {"type": "http.request", "body": b"x" * 10_000, "more_body": True}

    messages = stream()
    with pytest.raises(BodyTooLarge) as refused:
        await take(request_of(lambda: anext(messages)), max_file_bytes=1024)
    assert received <= 8
    assert refused.value.headers == {"Connection": "close"}, "the rest may have no end"


@pytest.mark.parametrize("size", [10, 1_000_000])
async def test_a_client_that_stops_is_given_up(size: int) -> None:
    """Also one that was fast before."""
    beginning = {"type": "http.request", "body": part("file", b"x" * size, "a"), "more_body": True}
    messages = iter([beginning])

    async def receive() -> dict[str, Any]:
        message = next(messages, None)
        return message if message is not None else await asyncio.Future()

    with pytest.raises(BodyTooSlow, match="accepted are 16,384 bytes a second"):
        await asyncio.wait_for(take(request_of(receive), patience=0.05), 30)


def slowly(receive: Receive, seconds: float) -> Receive:
    async def receive_late() -> dict[str, Any]:
        await asyncio.sleep(seconds)
        return await receive()

    return receive_late


async def test_a_client_that_goes_on_too_slowly_is_given_up() -> None:
    trickle = slowly(in_chunks(part("file", b"x" * 10_000, "a"), size=1), 0.01)
    with pytest.raises(BodyTooSlow):
        await take(request_of(trickle), patience=0.1)


async def test_an_upload_at_the_least_pace_is_never_too_slow() -> None:
    """However long it takes: what comes counts, not the time since it began."""
    seconds = 0.03
    body = part("file", b"x" * MIN_PACE, "a") + b"--b--\r\n"
    steady = slowly(in_chunks(body, size=int(2 * seconds * MIN_PACE)), seconds)
    _, content = await take(request_of(steady), patience=0.3)
    assert len(content) == MIN_PACE
