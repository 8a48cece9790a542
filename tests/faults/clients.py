"""Clients that each ask again and again over one connection."""

import asyncio
import json
import re
from contextlib import suppress
from pathlib import Path

from tests.deploy.services import HOST, Service
from tests.faults.load import Outcome, request, request_id_of, text_of

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class Clients:
    """What became of their requests is in `outcomes`, by the port of the client's own end; the last of a port is the
    one at which its connection ended, where it did."""

    def __init__(self, service: Service, *, texts: int = 1) -> None:
        self.outcomes: dict[int, list[Outcome]] = {}
        self._service, self._texts = service, texts
        self._running: list[asyncio.Task[None]] = []
        self._stopped = False

    @property
    def all(self) -> list[Outcome]:
        return [outcome for of_one in self.outcomes.values() for outcome in of_one]

    async def start(self) -> None:
        """One more."""
        reader, writer = await asyncio.open_connection(HOST, self._service.port)
        self._running.append(asyncio.create_task(self._ask(reader, writer, 100_000 * (1 + len(self._running)))))

    async def start_over(self, workers: list[int]) -> None:
        """As many as it takes for each worker to have a few."""
        while len(self._running) < 100 and min(len(peers(pid) & self.outcomes.keys()) for pid in workers) < 3:
            await self.start()
            await asyncio.sleep(0.02)

    async def end(self) -> None:
        """Let each have its last answer."""
        self._stopped = True
        await self.ended()

    async def ended(self) -> None:
        """Wait until every connection has ended."""
        await asyncio.wait_for(asyncio.gather(*self._running), 120)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        outcomes = self.outcomes.setdefault(writer.get_extra_info("sockname")[1], [])
        while not self._stopped and (not outcomes or outcomes[-1].status is not None):
            number += 1
            outcomes.append(await self._answer(reader, writer, number))
            await asyncio.sleep(0.005)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> Outcome:
        request_id, head = request_id_of(number), b""
        try:
            writer.write(request(number, [text_of(number)] * self._texts))
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1]) if length else 0)
        except asyncio.IncompleteReadError as error:
            return Outcome(request_id, None, broken=bool(head or error.partial))
        except OSError:
            return Outcome(request_id, None, broken=bool(head))
        return Outcome(request_id, int(head.split()[1]), json.loads(body))


def peers(pid: int) -> set[int]:
    """The ports at the other ends of a process's connections, where the system tells by /proc."""
    held = {_target(link) for link in Path(f"/proc/{pid}/fd").iterdir()}
    lines = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return {int(fields[2].split(":")[1], 16) for fields in lines if f"socket:[{fields[9]}]" in held}


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""
