"""Three times what the service can bear: python -m benchmarks.serving.overload [--seconds 20] [--times 3].

Measures what it can bear, then starts as many requests a second as asked for, each on time whether or not the others
have been answered. Prints how the accepted and the refused fared, whether an answer was another request's, and memory.
What sends takes processor time from the service where there are few cores, so that it bears less meanwhile.
"""

import asyncio
import sys
import time

import uvloop

from benchmarks.serving.client import Client, Tally
from benchmarks.serving.load import FORM, run_wrk, tweets
from benchmarks.serving.ours import ours, parser
from benchmarks.serving.processes import Running

CONNECTIONS = 900
"""More than may wait in the service by its default, and fewer than it holds."""


def main() -> None:
    """Measure and print."""
    own = parser(__doc__)
    own.add_argument("--seconds", type=float, default=20)
    own.add_argument("--times", type=float, default=3)
    options = own.parse_args()
    with ours(options.bundle, FORM) as (server, bodies):
        bearable = run_wrk(server.port, FORM, bodies, connections=64, seconds=options.seconds / 2).rate
        rate = bearable * options.times
        uvloop.run(overload(server, rate, options.seconds))  # so that memory is compared between two overloads
        before = server.memory
        tally = uvloop.run(overload(server, rate, options.seconds))
        sys.stdout.write(report(bearable, tally, options.seconds, before, server.memory) + "\n")


async def overload(server: Running, rate: float, seconds: float) -> Tally:
    """Start `rate` requests a second for `seconds`, over kept connections, more of which than are free are opened.

    Where CONNECTIONS wait for their answers, a request is not sent at all; `tally.unsent` counts them.
    """
    tally, texts, clients = Tally(), tweets(), list[Client]()
    begin, number, loop = time.perf_counter(), 0, asyncio.get_running_loop()
    free: list[Client] = []
    while (now := time.perf_counter() - begin) < seconds:
        while number < now * rate:
            number += 1
            if not free and len(clients) < CONNECTIONS:
                _, client = await loop.create_connection(lambda: Client(tally, free), "127.0.0.1", server.port)
                clients.append(client)
            if free:
                free.pop().ask(texts[number % len(texts)], number)
            else:
                tally.unsent += 1
        await asyncio.sleep(0.001)
    await _until_answered(clients, limit=30)
    for client in clients:
        client.close()
    return tally


async def _until_answered(clients: list[Client], limit: float) -> None:
    end = time.perf_counter() + limit
    while any(client.waits for client in clients) and time.perf_counter() < end:
        await asyncio.sleep(0.01)


def report(bearable: float, tally: Tally, seconds: float, before: int, after: int) -> str:
    """Markdown."""
    rows = [
        ("it can bear", f"{bearable:,.0f} requests a second"),
        ("sent", f"{tally.sent / seconds:,.0f} requests a second"),
        ("not sent, for no connection was free", f"{tally.unsent / seconds:,.0f} a second"),
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
