import sys
import weakref
from pathlib import Path

import pytest

from serving import memory


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def test_what_only_refers_to_itself_is_freed() -> None:
    class Node:
        itself: "Node"

    node = Node()
    node.itself = node
    seen = weakref.ref(node)
    del node
    memory.release()
    assert seen() is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measured by /proc")
def test_freed_memory_goes_back() -> None:
    # Small pieces come from the heap, where one that stays at its top keeps all below it.
    pieces = [bytes(1000) for _ in range(100_000)]
    top = [bytes(1000)]
    pieces.clear()
    before = resident()
    memory.trim()
    assert before - resident() > 20e6
    assert top


def test_where_there_is_no_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    memory.trim()
