"""A client that sends a file and takes its answer only as fast as a test lets it."""

import asyncio
import socket
from dataclasses import dataclass

from tests.deploy.services import HOST, Service

ROWS = 6_000
# Wide, so that the answer is more than what all buffers between here and there hold.
CONTENT = "text,padding\n" + "".join(f"I love this show {n},{'x' * 2_000}\n" for n in range(ROWS))

_BOUNDARY = "one-of-its-own"


@dataclass(frozen=True, slots=True)
class SlowReader:
    """An answer that has begun. `head`: its status line and headers."""

    head: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def rest(self) -> bytes:
        """The whole body. Raises asyncio.IncompleteReadError where the connection ends before its last chunk."""
        body = bytearray()
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        self.writer.close()
        return bytes(body)


async def send_file(service: Service, content: bytes) -> SlowReader:
    """Send a CSV and read no more than the head of its answer, so that the service has to wait with the rest."""
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    own.connect((HOST, service.port))
    reader, writer = await asyncio.open_connection(sock=own, limit=4096)
    part = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="in.csv"\r\n\r\n'.encode()
    body = part + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
    head = "POST /predict/csv HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=" + _BOUNDARY
    writer.write(f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    return SlowReader((await reader.readuntil(b"\r\n\r\n")).decode(), reader, writer)
