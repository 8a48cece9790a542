import asyncio
from typing import cast

from serving.flow import BoundedFlow


class Reading:
    """A transport that is read from or not."""

    reads = True

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
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
