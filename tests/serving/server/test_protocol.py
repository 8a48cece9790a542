"""Against a real listener, on both event loops: uvicorn takes uvloop where there is one."""

import asyncio
import http.client
import socket
import struct

import pytest

from tests.serving.server.listener import HEAD, LARGE, Listener, all_of, check_shape, head, listening, one_of, statuses

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("small_bundle", "interpreter_as_before")]

NONSENSE = b"no HTTP at all\r\n\r\n"
BROKEN = b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n"


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    if request.param:
        pytest.importorskip("uvloop")
    return "asyncio", {"use_uvloop": request.param}


async def trickle(writer: asyncio.StreamWriter, data: bytes = b"a") -> None:
    while True:
        writer.write(data)
        await asyncio.sleep(0.05)


# Requests


async def test_requests_one_after_the_other_and_in_parts() -> None:
    async with listening(client_timeout=5) as listener:
        reader, writer = await listener.connect()
        for _ in range(3):
            for part in (HEAD[:7], HEAD[7:], b"\r\n"):
                writer.write(part)
                await asyncio.sleep(0.01)
            assert (await one_of(reader)).endswith(b"ok")
        writer.close()


async def test_many_requests_at_once_are_answered_in_turn() -> None:
    async with listening() as listener:
        reader, writer = await listener.connect()
        number, answered = 500, 0
        writer.write((HEAD + b"\r\n") * number)
        while answered < number:
            answered += (await asyncio.wait_for(reader.read(65536), 10)).count(b"HTTP/1.1 200")
        writer.close()


async def test_an_answer_comes_in_one_packet() -> None:
    async with listening() as listener:
        reader, writer = await listener.connect()
        for _ in range(20):
            writer.write(HEAD + b"\r\n")
            assert (await reader.read(65536)).endswith(b"ok"), "its body with its head"
        writer.close()


async def test_what_is_asked_before_it_is_read_is_told_to_come() -> None:
    async with listening() as listener:
        reader, writer = await listener.connect()
        writer.write(head("/read", "Content-Length: 3", "Expect: 100-continue") + b"\r\n")
        assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        assert (await one_of(reader)).endswith(b"3")
        writer.close()


# What is malformed


@pytest.mark.parametrize("before", [b"", HEAD + b"\r\n"], ids=["first", "after another"])
async def test_nonsense_is_malformed(before: bytes) -> None:
    async with listening() as listener:
        answers = await listener.ask(before, NONSENSE)
        check_shape(b"HTTP/1.1 " + answers.split(b"HTTP/1.1 ")[-1], 400, "malformed_request")
        assert statuses(answers)[:-1] == ([200] if before else [])
        assert b"mine" not in answers, "the other request's id"
        assert listener.counted(400)


async def test_nonsense_in_a_head_has_the_id_that_came_before_it() -> None:
    async with listening() as listener:
        check_shape(await listener.ask(HEAD + b"no header\r\n\r\n"), 400, "malformed_request", "mine")


@pytest.mark.parametrize("behind", [NONSENSE, head("/read") + BROKEN], ids=["head", "body"])
async def test_what_is_malformed_waits_for_the_answers_before_it(behind: bytes) -> None:
    async with listening() as listener:
        asked = asyncio.create_task(listener.ask(head("/held") + b"\r\n" + behind, HEAD + b"\r\n"))
        await asyncio.sleep(0.3)
        assert not asked.done()
        listener.go.set()
        assert statuses(await asked) == [200, 400], "and nothing behind it is answered"
        assert listener.disconnected == []


async def test_a_body_that_is_malformed_ends_the_request_that_it_is_of() -> None:
    async with listening() as listener:
        check_shape(await listener.ask(head("/read") + BROKEN), 400, "malformed_request", "mine")
        assert listener.disconnected == ["/read"]


async def test_a_body_that_is_malformed_after_the_answer_gets_no_second_one() -> None:
    async with listening() as listener:
        chunked, nonsense = BROKEN.split(b"nonsense")
        assert statuses(await listener.ask(HEAD + chunked, b"nonsense" + nonsense)) == [200]


async def test_a_url_that_is_none_is_malformed() -> None:
    async with listening() as listener:
        assert statuses(await listener.ask(HEAD + b"\r\n" + head("http://[") + b"\r\n")) == [200, 400]


# Limits of heads, trailers and connections


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"], ids=["endless", "whole"])
@pytest.mark.parametrize("long", [b"X-Long: ", b"Cookie: "])
async def test_a_large_head_is_refused(long: bytes, end: bytes) -> None:
    async with listening(max_header_bytes=1024) as listener:
        answer = await listener.ask(HEAD + long + b"a" * 1100 + end)
        check_shape(answer, 431, "headers_too_large", "mine")
        assert b"1,024 bytes" in answer
        assert listener.counted(431)


async def test_a_large_head_is_refused_after_the_answer_before_it() -> None:
    async with listening(max_header_bytes=1024) as listener:
        reader, writer = await listener.connect()
        writer.write(head("/held") + b"\r\n" + HEAD)
        for _ in range(3):
            await asyncio.sleep(0.05)
            writer.write(b"X-Long: " + b"a" * 1000)
        listener.go.set()
        assert statuses(await all_of(reader)) == [200, 431]
        writer.close()


async def test_a_large_body_before_the_next_head_is_none_of_it() -> None:
    async with listening(max_header_bytes=1024) as listener:
        reader, writer = await listener.connect()
        writer.write(head("/read", "Content-Length: 18000") + b"\r\n" + b"a" * 18_000 + HEAD)
        assert (await one_of(reader)).endswith(b"18000")
        writer.write(b"\r\n")
        assert (await one_of(reader)).endswith(b"ok")
        writer.close()


@pytest.mark.parametrize("length", [1, 100_000], ids=["many", "long"])
@pytest.mark.parametrize("path", ["/", "/read"])
async def test_trailers_are_limited_and_none_is_kept(path: str, length: int) -> None:
    async with listening(max_header_bytes=1024) as listener:
        reader, writer = await listener.connect()
        writer.write(head(path, "Transfer-Encoding: chunked") + b"\r\n1\r\na\r\n0\r\n")
        if path == "/":
            assert (await one_of(reader)).endswith(b"ok")
        await asyncio.sleep(0.1)
        writer.write(b"X-a: " + b"a" * length + b"\r\n")
        for _ in range(300):
            writer.write(b"X-a: a\r\n")
        answer = await asyncio.wait_for(all_of(reader), 20)
        assert answer == b"" if path == "/" else answer.startswith(b"HTTP/1.1 431")
        assert len(listener.headers[0]) == 3
        writer.close()


async def test_chunks_are_no_trailers() -> None:
    async with listening(max_header_bytes=1024) as listener:
        reader, writer = await listener.connect()
        writer.write(head("/read", "Transfer-Encoding: chunked") + b"\r\n")
        for _ in range(600):
            writer.write(b"1\r\na\r\n")
            await asyncio.sleep(0)
        writer.write(b"0\r\nX-Sum: 1\r\n\r\n")
        assert (await one_of(reader)).endswith(b"600")
        writer.close()


async def test_a_full_queue_refuses_predictions_without_the_app() -> None:
    prediction = b"POST /predict HTTP/1.1\r\nX-Request-ID: mine\r\nHost: x\r\nContent-Length: 4\r\n"
    async with listening() as listener:
        listener.admission.admit(1)
        reader, writer = await listener.connect()
        writer.write(prediction + b"\r\na=bc" + HEAD + b"\r\n" + prediction + b"\r\n")
        refusal = await one_of(reader)
        assert refusal.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1\r\n" in refusal
        assert (await one_of(reader)).endswith(b"ok"), "the next request has its answer"
        assert (await one_of(reader)).startswith(b"HTTP/1.1 503 "), "before its body has come"
        writer.write(b"a=bc")
        listener.admission.release(1)
        writer.write(prediction + b"\r\na=bc")
        assert (await one_of(reader)).endswith(b"ok"), "there is a place again"
        writer.close()
        assert len(listener.headers) == 2
        assert listener.counted(503, "/predict", 2)
        listener.admission.admit(1)
        check_shape(await listener.ask(prediction + b"Connection: close\r\n\r\na=bc"), 503, "overloaded", "mine")


async def test_one_connection_too_many() -> None:
    async with listening(max_connections=3) as listener:
        others = [await listener.connect() for _ in range(2)]
        headers = check_shape(await listener.ask(HEAD + b"\r\n"), 503, "too_many_connections", "mine")
        assert headers["retry-after"] == "1"
        assert listener.counted(503)
        await asyncio.sleep(0.05)
        reader, writer = others[0]
        writer.write(HEAD + b"\r\n")
        assert (await one_of(reader)).endswith(b"ok")
        for _, writer in others:
            writer.close()


# Deadlines


@pytest.mark.parametrize("begun", [b"", HEAD])
async def test_a_head_that_does_not_come_ends_the_connection(begun: bytes) -> None:
    async with listening(client_timeout=1) as listener:
        assert await listener.ask(begun) == b""


async def test_a_head_that_trickles_gets_no_more_time() -> None:
    async with listening(client_timeout=1) as listener:
        reader, writer = await listener.connect()
        writer.write(HEAD + b"X-Long: ")
        trickling = asyncio.create_task(trickle(writer))
        assert await asyncio.wait_for(all_of(reader), 20) == b""
        assert trickling.cancel(), "it was cut while it came"
        writer.close()


async def test_a_head_has_its_time_once_the_answer_before_it_is_given() -> None:
    async with listening(client_timeout=1) as listener:
        reader, writer = await listener.connect()
        writer.write(head("/held") + b"\r\n" + HEAD)
        await asyncio.sleep(1.5)
        listener.go.set()
        assert (await one_of(reader)).endswith(b"ok")
        writer.write(b"X-More: a\r\n")
        assert await asyncio.wait_for(all_of(reader), 20) == b""
        writer.close()


async def test_a_request_that_is_at_work_has_as_long_as_it_takes() -> None:
    async with listening(client_timeout=1, keep_alive=1) as listener:
        reader, writer = await listener.connect()
        writer.write(HEAD)
        await asyncio.sleep(0.1)
        writer.write(b"\r\n" + head("/held") + b"\r\n")
        assert (await one_of(reader)).endswith(b"ok")
        await asyncio.sleep(1.5)
        listener.go.set()
        assert (await one_of(reader)).endswith(b"ok")
        writer.close()


@pytest.mark.parametrize(
    ("request_", "behind"),
    [
        (HEAD + b"\r\n", b"\r\n"),
        (HEAD + b"Content-Length: 5\r\n\r\n", b"a"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0\r\nX-Trailer: a\r\n"),
    ],
    ids=["an empty line", "a part of the body", "a part of the trailers"],
)
async def test_what_begins_no_request_leaves_the_connection_its_end(request_: bytes, behind: bytes) -> None:
    async with listening(client_timeout=1, keep_alive=1) as listener:
        reader, writer = await listener.connect()
        writer.write(request_)
        assert (await one_of(reader)).endswith(b"ok")
        writer.write(behind)
        assert await asyncio.wait_for(all_of(reader), 20) == b""
        await listener.emptied()
        writer.close()


async def test_the_rest_of_a_request_that_is_answered_has_no_more_time_than_a_head() -> None:
    async with listening(client_timeout=1) as listener:
        reader, writer = await listener.connect()
        writer.write(HEAD + b"Content-Length: 5000\r\n\r\n")
        assert (await one_of(reader)).endswith(b"ok")
        trickling = asyncio.create_task(trickle(writer))
        assert await asyncio.wait_for(all_of(reader), 20) == b""
        await listener.emptied()
        assert trickling.cancel(), "it was cut while it came"
        writer.close()


async def test_a_body_that_comes_after_the_answer_leaves_the_connection_open() -> None:
    async with listening(client_timeout=1) as listener:
        reader, writer = await listener.connect()
        for _ in range(2):
            writer.write(HEAD + b"Content-Length: 5\r\n\r\n")
            assert (await one_of(reader)).endswith(b"ok")
            writer.write(b"aaaaa")
            await asyncio.sleep(1.5)
        writer.close()


async def test_idle_connections_make_room_where_there_are_many() -> None:
    async with listening(client_timeout=1, max_connections=8) as listener:
        connections = []
        for _ in range(7):
            connections.append(await listener.connect())
            connections[-1][1].write(HEAD + b"\r\n")
            assert (await one_of(connections[-1][0])).endswith(b"ok")
        assert await asyncio.wait_for(all_of(connections[-1][0]), 20) == b"", "of eight, seven are many"
        assert len(listener.state.connections) == 6
        reader, writer = connections[0]
        writer.write(HEAD + b"\r\n")
        assert (await one_of(reader)).endswith(b"ok")
        for _, writer in connections:
            writer.close()


# How connections end


async def asked_without_reading(listener: Listener, request_: bytes) -> asyncio.StreamWriter:
    """A client that has asked and reads nothing, through buffers that hold little."""
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    own.connect(("127.0.0.1", listener.port))
    _, writer = await asyncio.open_connection(sock=own, limit=1024)
    writer.write(request_)
    async with asyncio.timeout(10):
        while not any(connection.transport.get_write_buffer_size() for connection in listener.state.connections):
            await asyncio.sleep(0.01)
    return writer


@pytest.mark.parametrize("close", [[], ["Connection: close"]], ids=["kept", "closed"])
async def test_an_answer_that_nobody_reads_ends_the_connection(close: list[str]) -> None:
    async with listening(client_timeout=1) as listener:
        writer = await asked_without_reading(listener, head("/large", *close) + b"\r\n")
        await listener.emptied()
        writer.close()


async def test_an_answer_that_is_read_in_time_is_whole() -> None:
    async with listening(client_timeout=5) as listener:
        reader, writer = await listener.connect()
        writer.write(head("/large", "Connection: close") + b"\r\n")
        received = 0
        while chunk := await asyncio.wait_for(reader.read(LARGE // 8), 20):
            received += len(chunk)
            await asyncio.sleep(0.01)
        assert received > LARGE
        writer.close()


async def test_an_answer_to_a_body_that_is_not_read_arrives() -> None:
    async with listening() as listener:
        for _ in range(10):
            assert await asyncio.to_thread(post, listener.port, b"a" * 5_000_000) == (413, b"no")
        await listener.emptied()


def post(port: int, body: bytes) -> tuple[int, bytes]:
    """As most clients do: all is sent before the answer is looked at."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/refused", body)
    answer = connection.getresponse()
    try:
        return answer.status, answer.read()
    finally:
        connection.close()


async def test_a_client_sees_at_once_that_no_more_will_be_answered() -> None:
    async with listening() as listener:
        reader, writer = await listener.connect()
        writer.write(head("/refused", "Content-Length: 1000") + b"\r\n")
        assert (await asyncio.wait_for(all_of(reader), 1)).endswith(b"no")
        assert len(listener.state.connections) == 1, "it takes in what the client may still send"
        writer.close()
        await listener.emptied()


async def test_what_comes_after_the_answer_is_taken_in_for_a_while() -> None:
    async with listening() as listener:
        reader, writer = await listener.connect()
        writer.write(head("/refused", "Content-Length: 100000000000") + b"\r\n")
        assert (await one_of(reader)).endswith(b"no")
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(send_endlessly(writer), 20)
        await listener.emptied()
        writer.close()


async def send_endlessly(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"a" * 10_000)
        await writer.drain()


async def test_a_client_that_resets_its_connection_leaves_nothing() -> None:
    async with listening() as listener:
        reader, writer = await listener.connect()
        writer.write(HEAD + b"\r\n" + (head("/held") + b"\r\n") * 5)
        assert (await one_of(reader)).endswith(b"ok")
        hard = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, hard)
        writer.transport.abort()
        await listener.emptied()
        listener.go.set()
        async with asyncio.timeout(5):
            while listener.state.tasks:
                await asyncio.sleep(0.01)
