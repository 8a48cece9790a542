import ctypes
import subprocess
import sys
import weakref
from collections.abc import Callable
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


# What one block of 8 MB, freed, teaches glibc is that those of 4 MB belong into the heap.
KEPT = """
import ctypes, sys
from serving import memory
if sys.argv[1] == "mapped":
    memory.map_large()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
libc.mallinfo2.restype = type("Info", (ctypes.Structure,), {"_fields_": [(str(n), ctypes.c_size_t) for n in range(10)]})
libc.free(libc.malloc(8 * 1024**2))
before = getattr(libc.mallinfo2(), "4")
libc.malloc(4 * 1024**2)
print(getattr(libc.mallinfo2(), "4") - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="glibc 2.33 tells")
@pytest.mark.parametrize(("how", "bytes_mapped"), [("left", 0), ("mapped", 4 * 1024**2)])
def test_what_is_large_is_never_in_a_heap(how: str, bytes_mapped: int) -> None:
    done = subprocess.run([sys.executable, "-c", KEPT, how], capture_output=True, text=True, check=True)
    assert int(done.stdout) // 1024**2 == bytes_mapped // 1024**2


@pytest.mark.parametrize("call", [memory.trim, memory.map_large])
def test_where_there_is_no_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch, call: Callable[[], None]) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    call()
