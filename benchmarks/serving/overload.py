"""Three times what the service can bear: python -m benchmarks.serving.overload [--seconds 20] [--times 3].

Measures what it can bear, then starts as many requests a second as asked for, each on time whether or not the others
have been answered. Prints how the accepted and the refused fared, whether an answer was another request's, and memory.
"""

import asyncio
import sys
import time
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from benchmarks.serving.load import FORM, run_wrk, tweets
from benchmarks.serving.ours import ours, parser
from benchmarks.serving.processes import Running

CONNECTIONS = 400


@dataclass(slots=True)
class Tally:
    """Seconds by kind of answer; `lost`: no or half an answer; `wrong`: an answer to another text."""

    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    lost: int = 0
    wrong: int = 0


def main() -> None:
    """Measure and print."""
    own = parser(__doc__)
    own.add_argument("--seconds", type=float, default=20)
    own.add_argument("--times", type=float, default=3)
    options = own.parse_args()
    with ours(options.bundle, FORM) as (server, bodies):
        bearable = run_wrk(server.port, FORM, bodies, connections=64, seconds=options.seconds / 2).rate
        before = server.memory
        tally = asyncio.run(overload(server, bearable * options.times, options.seconds))
        sys.stdout.write(report(bearable, tally, before, server.memory) + "\n")


async def overload(server: Running, rate: float, seconds: float) -> Tally:
    """Send `rate` requests a second for `seconds`, over kept connections, more of which than are free are opened."""
    tally, texts, tasks = Tally(), tweets(), set[asyncio.Task[None]]()
    free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    begin, number = time.perf_counter(), 0
    while (now := time.perf_counter() - begin) < seconds:
        while number < now * rate:
            if len(tasks) < CONNECTIONS:
                task = asyncio.create_task(_ask(server.port, f"{texts[number % len(texts)]} {number}", free, tally))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            number += 1
        await asyncio.sleep(0.001)
    await asyncio.gather(*tasks)
    for _, writer in free:
        writer.close()
    return tally


async def _ask(
    port: int, text: str, free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]], tally: Tally
) -> None:
    body = f"text={quote_plus(text)}".encode()
    head = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    begin = time.perf_counter()
    try:
        reader, writer = free.pop() if free else await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in answer.split(b"\r\n") if line.startswith(b"content-length:"))
        content = await reader.readexactly(int(length.partition(b":")[2]))
    except (OSError, asyncio.IncompleteReadError, StopIteration):
        tally.lost += 1
        return
    seconds = time.perf_counter() - begin
    if b" 503 " in answer[:16]:
        tally.refused.append(seconds)
    else:
        tally.accepted.append(seconds)
        tally.wrong += f' {text.rpartition(" ")[2]}","label"'.encode() not in content
    if b"connection: close" in answer:
        writer.close()
    else:
        free.append((reader, writer))


def report(bearable: float, tally: Tally, before: int, after: int) -> str:
    """Markdown."""
    rows = [
        ("it can bear", f"{bearable:,.0f} requests a second"),
        ("accepted", _spread(tally.accepted)),
        ("refused with 503", _spread(tally.refused)),
        ("lost", f"{tally.lost:,}"),
        ("answered wrong", f"{tally.wrong:,}"),
        ("memory before, after", f"{before / 1024**2:,.0f} MB, {after / 1024**2:,.0f} MB"),
    ]
    return "\n".join(["| | |", "|---|---:|", *(f"| {name} | {value} |" for name, value in rows)])


def _spread(seconds: list[float]) -> str:
    if not seconds:
        return "none"
    ordered = sorted(seconds)
    p50, p99 = (ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99))
    return f"{len(ordered):,}; p50 {p50:,.1f} ms, p99 {p99:,.1f} ms"


if __name__ == "__main__":
    main()
