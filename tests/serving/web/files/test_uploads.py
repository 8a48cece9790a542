import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

import pytest
from starlette.requests import Request

from serving.errors import BodyTooLarge, BodyTooSlow, InvalidFile, Overloaded, RequestError
from serving.settings import Settings
from serving.tables.delimited import MAX_RECORD
from serving.web.files.uploads import FAIR, PACE, UNSEEN, Transfer, Transfers, Upload, taken_in

pytestmark = pytest.mark.anyio


async def held_up(transfer: Transfer) -> None:
    """A client that does nothing while it is waited for."""
    async with transfer.receiving():
        await asyncio.Event().wait()


async def begun(transfer: Transfer) -> asyncio.Task[None]:
    task = asyncio.create_task(held_up(transfer))
    await asyncio.sleep(0.01)
    return task


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.web.files.uploads.GRACE", 0.05)


async def test_places_are_given_back() -> None:
    transfers = Transfers(1, 1)
    for _ in range(2):
        with transfers.begin(), pytest.raises(Overloaded, match="at work on 1 files"), transfers.begin():
            pass


@pytest.mark.usefixtures("short")
async def test_the_slowest_makes_room_and_only_that_one() -> None:
    transfers = Transfers(2, 1)
    with ExitStack() as stack:
        slow = await begun(stack.enter_context(transfers.begin()))
        await asyncio.sleep(0.02)
        other = await begun(stack.enter_context(transfers.begin()))
        await asyncio.sleep(0.06)
        stack.enter_context(transfers.begin())
        with pytest.raises(TimeoutError):
            await slow
        assert not other.done()
        other.cancel()


@pytest.mark.usefixtures("short")
async def test_a_client_that_keeps_up_and_one_that_is_worked_for_stay() -> None:
    transfers = Transfers(2, 1)
    with ExitStack() as stack:
        fast, computed = stack.enter_context(transfers.begin()), stack.enter_context(transfers.begin())
        for _ in range(4):
            async with fast.receiving():
                await asyncio.sleep(0.03)
            fast.received(FAIR)
        waiting = await begun(fast)
        assert computed.lag == 0
        with pytest.raises(Overloaded), transfers.begin():
            pass
        waiting.cancel()


@pytest.mark.usefixtures("short")
async def test_two_that_want_a_place_take_two_places() -> None:
    transfers = Transfers(2, 1)
    with ExitStack() as stack:
        slow = [await begun(stack.enter_context(transfers.begin())) for _ in range(2)]
        await asyncio.sleep(0.06)
        for _ in range(2):
            stack.enter_context(transfers.begin())
        assert [type(error) for error in await asyncio.gather(*slow, return_exceptions=True)] == [TimeoutError] * 2


@pytest.mark.usefixtures("short")
async def test_what_comes_while_its_client_is_given_up_comes_too_late() -> None:
    transfers = Transfers(1, 1)
    came = asyncio.Event()

    async def wait() -> None:
        with transfers.begin() as transfer:
            async with transfer.receiving():
                await came.wait()

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0.06)
    came.set()
    with transfers.begin(), pytest.raises(TimeoutError):
        await waiting


@pytest.mark.usefixtures("short")
async def test_one_that_reads_nothing_makes_room_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is waited for as long as nobody wants its place."""
    monkeypatch.setattr("serving.web.files.uploads.PATIENCE", 0.01)
    transfers = Transfers(1, 1)

    async def send() -> None:
        with transfers.begin() as transfer:
            async with transfer.sending():
                await asyncio.Event().wait()

    sending = asyncio.create_task(send())
    await asyncio.sleep(0.06)
    assert not sending.done()
    with transfers.begin(), pytest.raises(TimeoutError):
        await sending


@pytest.mark.usefixtures("short")
async def test_what_the_system_may_hold_is_no_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.web.files.uploads.FAIR", 10 * UNSEEN)
    transfers = Transfers(1, 1)
    with transfers.begin() as transfer:
        transfer.sent(10**9)
        async with transfer.sending():
            await asyncio.sleep(0.08)
            assert transfer.lag < 0.05
            with pytest.raises(Overloaded), transfers.begin():
                pass
            await asyncio.sleep(0.08)
            assert transfer.lag > 0.05


async def test_speed_is_no_credit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.web.files.uploads.PATIENCE", 0.05)
    transfer = Transfer()
    transfer.received(10**9)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(held_up(transfer), 10)


async def test_waits_add_up_and_bytes_make_up_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.web.files.uploads.PATIENCE", 0.2)

    async def wait_for(times: int, size: int) -> None:
        transfer = Transfer()
        for _ in range(times):
            async with transfer.receiving():
                await asyncio.sleep(0.05)
            transfer.received(size)

    await wait_for(8, PACE)
    with pytest.raises(TimeoutError):
        await wait_for(8, 1)


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"


def request_of(body: bytes, kind: str = "multipart/form-data; boundary=b", length: int | None = None) -> Request:
    """A request whose body comes in pieces of 1,000 bytes."""
    pieces = [body[start : start + 1000] for start in range(0, len(body), 1000)] or [b""]
    messages = iter([{"type": "http.request", "body": piece, "more_body": True} for piece in pieces])

    async def receive() -> dict[str, Any]:
        return next(messages, {"type": "http.request", "body": b"", "more_body": False})

    headers = [(b"content-type", kind.encode())]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


async def take(*parts: bytes, **settings: Any) -> tuple[Upload, bytes]:
    async with taken_in(request_of(b"".join([*parts, b"--b--\r\n"])), Settings(**settings), Transfers(1, 1)) as upload:
        return upload, upload.file.read()


async def refusal(*parts: bytes, **settings: Any) -> tuple[int, str]:
    with pytest.raises(RequestError) as caught:
        await take(*parts, **settings)
    return caught.value.status, caught.value.error_code


FILE = part("file", b"text\ngood\n", "a.csv")


async def test_a_file_with_its_fields_in_any_order() -> None:
    fields = [part("text_column", "mögen".encode()), part("delimiter", b"tab"), part("encoding", b"Windows-1252")]
    for parts in ([*fields, FILE], [FILE, *fields]):
        upload, content = await take(*parts)
        assert content == b"text\ngood\n"
        assert (upload.size, upload.lines) == (10, 2)
        assert (upload.text_column, upload.delimiter, upload.encoding) == ("mögen", "\t", "cp1252")


async def test_what_is_not_said_is_guessed() -> None:
    for parts in ([FILE], [FILE, part("delimiter", b""), part("encoding", b" "), part("text_column", b"")]):
        upload, _ = await take(*parts)
        assert (upload.text_column, upload.delimiter, upload.encoding) == ("", "", "utf-8")


async def test_a_large_file_is_on_disk_and_gone_afterwards() -> None:
    upload, content = await take(part("file", b"x" * 999 + b"\n", "a") * 1 + part("z", b""), max_file_bytes=2048)
    assert len(content) == 1000
    assert upload.file.closed
    async with taken_in(
        request_of(part("file", b"good\n" * 400_000, "a") + b"--b--\r\n"), Settings(), Transfers(1, 1)
    ) as upload:
        assert upload.file._rolled  # type: ignore[attr-defined]
        assert upload.lines == 400_000


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
        ([FILE, part("delimiter", b"|")], (422, "unknown_delimiter")),
        ([FILE, part("text_column", b"\xff")], (400, "not_utf8")),
        ([FILE, part("other", b"x" * 9_000)], (400, "malformed_form")),
        ([part("file", b"text\n" + b"x" * (MAX_RECORD + 1), "a")], (422, "line_too_long")),
        ([part("file", b"x" * 1025, "a")], (413, "file_too_large")),
    ],
)
async def test_refusals(parts: list[bytes], expected: tuple[int, str]) -> None:
    limit = 1024 if expected[0] == 413 else 10_000_000
    assert await refusal(*parts, max_file_bytes=limit) == expected


async def test_a_second_file_is_refused_before_any_of_it_is_kept() -> None:
    body = FILE + part("other", b"x" * 100_000, "b.csv") * 99
    request = request_of(body)
    with pytest.raises(InvalidFile, match="more than one file; accepted is one"):
        async with taken_in(request, Settings(), Transfers(1, 1)):
            pass
    unread = 0
    while (await request.receive())["more_body"]:
        unread += 1
    assert unread > 9_800


async def test_a_file_of_any_size_takes_little_memory() -> None:
    body = part("file", b"good\n" * 20_000, "a") + b"--b--\r\n"
    async with taken_in(request_of(body), Settings(), Transfers(1, 1)) as upload:
        assert upload.size == 100_000
        assert upload.file._rolled  # type: ignore[attr-defined]


async def test_a_body_that_breaks_off() -> None:
    request = request_of(FILE)
    with pytest.raises(RequestError, match="closing boundary"):
        async with taken_in(request, Settings(), Transfers(1, 1)):
            pass


async def test_other_bodies() -> None:
    with pytest.raises(RequestError, match=r"accepted is multipart/form-data\."):
        async with taken_in(request_of(b"text=a", "application/x-www-form-urlencoded"), Settings(), Transfers(1, 1)):
            pass


async def test_a_length_that_is_too_large_is_refused_before_anything_is_read() -> None:
    async def receive() -> dict[str, Any]:
        raise AssertionError

    request = request_of(b"", length=10**9)
    request._receive = receive
    with pytest.raises(BodyTooLarge, match="larger than 1,024 bytes"):
        async with taken_in(request, Settings(max_file_bytes=1024), Transfers(1, 1)):
            pass


async def test_a_body_without_a_length_is_refused_while_it_is_read() -> None:
    taken = 0

    async def stream() -> AsyncIterator[dict[str, Any]]:
        nonlocal taken
        yield {"type": "http.request", "body": part("file", b"", "a")[:-2], "more_body": True}
        while True:
            taken += 1
            yield {"type": "http.request", "body": b"x" * 10_000, "more_body": True}

    request = request_of(b"")
    messages = stream()
    request._receive = lambda: anext(messages)
    with pytest.raises(BodyTooLarge) as refused:
        async with taken_in(request, Settings(max_file_bytes=1024), Transfers(1, 1)):
            pass
    assert taken <= 8
    assert refused.value.headers == {"Connection": "close"}, "the rest may have no end"


async def test_a_client_that_sends_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.web.files.uploads.PATIENCE", 0.05)
    messages = iter([{"type": "http.request", "body": FILE, "more_body": True}])

    async def receive() -> dict[str, Any]:
        message = next(messages, None)
        return message if message is not None else await asyncio.Future()

    request = request_of(b"")
    request._receive = receive
    with pytest.raises(BodyTooSlow, match="accepted are 1,024 bytes a second, or 32,768 where"):
        async with taken_in(request, Settings(), Transfers(1, 1)):
            pass


async def test_an_upload_at_a_fair_pace_is_never_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes: what comes counts, not the time since it began."""
    monkeypatch.setattr("serving.web.files.uploads.PATIENCE", 0.2)
    request = request_of(part("file", b"good\n" * 2000, "a") + b"--b--\r\n")
    receive = request._receive

    async def slowly() -> Any:
        await asyncio.sleep(0.05)
        return await receive()

    request._receive = slowly
    async with taken_in(request, Settings(), Transfers(1, 1)) as upload:
        assert upload.lines == 2000
