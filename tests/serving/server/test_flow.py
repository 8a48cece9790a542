import asyncio
from typing import cast

import pytest

from serving.server.flow import MANY, PIECE, BoundedFlow

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Reading:
    """A transport that is read from or not."""

    reads = True
    closed = False

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        assert not self.closed, "uvloop raises"
        self.reads = True


def make_flow() -> tuple[BoundedFlow, Reading, list[str]]:
    transport, waiting = Reading(), list[str]()
    return BoundedFlow(cast(asyncio.Transport, transport), waiting), transport, waiting


def test_nothing_is_read_while_requests_wait() -> None:
    flow, transport, waiting = make_flow()
    waiting.append("a request")
    flow.pause_reading()
    flow.resume_reading()
    assert not transport.reads
    waiting.clear()
    flow.resume_reading()
    assert transport.reads


def test_held_is_held_for_good() -> None:
    flow, transport, _ = make_flow()
    flow.hold()
    flow.resume_reading()
    assert not transport.reads


@pytest.mark.parametrize("end", [HEAD, HEAD.replace(b"\r", b"")])
def test_many_requests_are_kept_and_looked_at_while_none_waits(end: bytes) -> None:
    flow, transport, waiting = make_flow()
    data = bytes(range(256)) * 10 + end * (MANY + 1)
    assert flow.divides(data)
    flow.pause_reading()
    seen = b""
    for piece in flow.pieces():
        seen += piece
        if len(seen) == 2 * PIECE:
            waiting.append("a request")
    assert seen == data[: 2 * PIECE]
    assert flow.behind
    waiting.clear()
    flow.resume_reading()
    assert not transport.reads, "what was read already comes first"
    assert seen + b"".join(flow.pieces()) == data
    assert not flow.behind
    assert transport.reads


def test_what_is_short_or_has_few_requests_is_not_divided() -> None:
    flow, _, _ = make_flow()
    assert not flow.divides(b"line\r\n" * 10_000 + HEAD * MANY)
    assert not flow.divides(HEAD * (PIECE // len(HEAD)))


def test_what_is_forgotten_is_not_looked_at() -> None:
    flow, _, _ = make_flow()
    flow.divides(HEAD * PIECE)
    flow.forget()
    assert list(flow.pieces()) == []


def test_a_closed_connection_is_read_no_more() -> None:
    flow, transport, _ = make_flow()
    flow.divides(HEAD * PIECE)
    flow.pause_reading()
    transport.closed = True
    assert len(b"".join(flow.pieces())) == len(HEAD) * PIECE
    assert not transport.reads
