import asyncio
from urllib.parse import parse_qs

from benchmarks.serving.client import Client, Tally

HEAD = "HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n\r\n"


async def ask(*texts: str) -> Tally:
    """The tally after these were asked, one after the other, of a server that does what they say."""
    tally, free = Tally(), list[Client]()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for number, text in enumerate(texts):
        _, client = await asyncio.get_running_loop().create_connection(lambda: Client(tally, free), "127.0.0.1", port)
        free.remove(client)
        client.ask(text, number)
        for _ in range(100):
            await asyncio.sleep(0.01)
            if not client.waits:
                break
        client.close()
    server.close()
    return tally


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    (text,) = parse_qs((await reader.readexactly(length)).decode())["text"]
    body = f'{{"text":"{"another 7" if text.startswith("wrong") else text}","label":"neutral"}}'
    status = 503 if text.startswith("refused") else 200
    sent = HEAD.format(status=status, length=len(body)) + body
    writer.write(sent[: len(sent) // 2 if text.startswith("broken") else None].encode())
    await writer.drain()
    writer.close()


def test_each_kind_of_answer_is_told_apart() -> None:
    tally = asyncio.run(ask("good", "refused", "wrong", "broken", "good & well"))
    assert (len(tally.accepted), len(tally.refused), tally.wrong, tally.lost) == (3, 1, 1, 1)
    assert tally.sent == 5
    assert all(0 < seconds < 1 for seconds in tally.accepted)


def test_a_client_whose_connection_is_gone_is_not_free() -> None:
    async def leave() -> list[Client]:
        free = list[Client]()
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        await asyncio.get_running_loop().create_connection(lambda: Client(Tally(), free), "127.0.0.1", port)
        assert len(free) == 1
        await asyncio.sleep(0.1)
        server.close()
        return free

    assert asyncio.run(leave()) == []
