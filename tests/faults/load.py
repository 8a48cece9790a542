"""Many requests at once, each of a text of its own, and what became of them."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from tests.deploy.services import HOST, Service


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one request: its id, status and answer; None and None where the connection ended before any of an answer.

    `broken`: the connection ended within the answer.
    """

    request_id: str
    status: int | None
    answer: dict[str, Any] | None = None
    broken: bool = False


async def ask(service: Service, number: int, texts: list[str] | None = None) -> Outcome:
    """One request on a connection of its own."""
    request_id, received = request_id_of(number), b""
    try:
        reader, writer = await asyncio.open_connection(HOST, service.port)
    except OSError:
        return Outcome(request_id, None)
    try:
        writer.write(request(number, texts, connection="close"))
        while chunk := await reader.read(65536):
            received += chunk
    except OSError:
        pass
    finally:
        writer.close()
    return _outcome(request_id, received)


def request(number: int, texts: list[str] | None = None, *, connection: str = "keep-alive") -> bytes:
    """The bytes of a request."""
    body = json.dumps({"texts": texts} if texts else {"text": text_of(number)}).encode()
    lines = ["POST /predict HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"X-Request-ID: {request_id_of(number)}", f"Connection: {connection}", "", ""]
    return "\r\n".join(lines).encode() + body


def request_id_of(number: int) -> str:
    return f"load-{number}"


def text_of(number: int) -> str:
    return f"I love this show, text number {number}, it is great"


def logged(service: Service) -> dict[str, int]:
    """Request id -> status, of every request that the service began."""
    entries = [json.loads(line) for line in service.output.splitlines() if line.startswith("{")]
    return {entry["request_id"]: entry["status"] for entry in entries if "request_id" in entry}


def _outcome(request_id: str, received: bytes) -> Outcome:
    if not received:
        return Outcome(request_id, None)
    head, _, body = received.partition(b"\r\n\r\n")
    try:
        return Outcome(request_id, int(head.split()[1]), json.loads(body))
    except (ValueError, IndexError):
        return Outcome(request_id, None, broken=True)
