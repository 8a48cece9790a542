import asyncio
import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from serving import process
from serving.batching.batcher import Batcher
from serving.model.types import Prediction
from serving.process import give_way, processors
from tests.serving.fakes import FakePredictor

ROOT = Path(__file__).parents[2]


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
    process.release()
    assert seen() is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measured by /proc")
def test_freed_memory_goes_back() -> None:
    # Small pieces come from the heap, where one that stays at its top keeps all below it.
    pieces = [bytes(1000) for _ in range(100_000)]
    top = [bytes(1000)]
    pieces.clear()
    before = resident()
    process.trim()
    assert before - resident() > 20e6
    assert top


# What one block of 8 MB, freed, teaches glibc is that those of 4 MB belong into the heap.
KEPT = """
import ctypes, sys
from serving import process
if sys.argv[1] == "mapped":
    process.map_large_blocks()
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


@pytest.mark.parametrize("call", [process.trim, process.map_large_blocks])
def test_where_there_is_no_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch, call: Callable[[], None]) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    call()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes keep to processors on Linux only")
def test_processors_are_those_that_the_process_may_run_on() -> None:
    program = "from serving.process import processors; print(processors())"
    done = subprocess.run(
        [sys.executable, "-c", f"import os; os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}}); {program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1\n"
    assert 1 <= processors() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("quota", "found"), [("150000 100000\n", 1), ("50000 100000\n", 1), ("200000 100000\n", 2), ("max 100000\n", 2)]
)
def test_a_containers_share_of_time_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, found: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    path = tmp_path / "cpu.max"
    path.write_text(quota)
    assert processors(path) == found


@pytest.mark.parametrize("quota", ["", "max", "much of it"])
def test_a_quota_that_says_nothing_leaves_what_the_process_may_run_on(tmp_path: Path, quota: str) -> None:
    path = tmp_path / "cpu.max"
    path.write_text(quota)
    assert processors(path) == processors(tmp_path / "none")


@pytest.mark.usefixtures("interpreter_as_before")
def test_turns_are_as_long_as_said() -> None:
    process.set_switch_interval(0.002)
    assert sys.getswitchinterval() == pytest.approx(0.002)


@pytest.mark.usefixtures("interpreter_as_before")
def test_cycles_are_still_collected_but_seldom() -> None:
    older = gc.get_threshold()[1:]
    process.freeze_garbage_collector()
    assert 2_000 < gc.get_threshold()[0] < 50_000
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[1:] == older
    assert gc.isenabled()


niceness_of_threads = pytest.mark.skipif(sys.platform != "linux", reason="threads have none of their own elsewhere")


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@niceness_of_threads
def test_a_thread_gives_way_and_the_others_do_not() -> None:
    before = niceness()
    with ThreadPoolExecutor(1, initializer=give_way) as pool:
        assert pool.submit(niceness).result() > before
    assert niceness() == before


@niceness_of_threads
def test_in_a_process_that_is_nice_itself_it_gives_way_too() -> None:
    told = "import os, threading; print(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))"
    code = f"from serving.process import give_way; give_way(); {told}"
    done = subprocess.run(
        ["nice", "-n", "7", sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) > min(niceness() + 7, 18)


@niceness_of_threads
def test_what_refuses_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setpriority", refuse)
    before = niceness()
    give_way()
    assert niceness() == before


class Watched(FakePredictor):
    """Says how nice the thread is that computes."""

    found: int

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        self.found = niceness()
        return super().predict(texts)


@niceness_of_threads
def test_the_thread_that_computes_gives_way_to_the_event_loop() -> None:
    predictor = Watched()

    async def ask() -> int:
        batcher = Batcher(predictor, limit=10)
        await batcher.predict(["a text"])
        await batcher.aclose()
        return niceness()

    assert asyncio.run(ask()) < predictor.found


pytest.importorskip("resource")

LIMITS = """
import resource
from serving.process import raise_file_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (60, 100))
for count in (50, 80, 500):
    raise_file_limit(count)
    print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_the_limit_is_raised_as_far_as_may_be_and_never_lowered() -> None:
    done = subprocess.run([sys.executable, "-c", LIMITS], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["60 100", "80 100", "100 100"]


@pytest.fixture
def come() -> Iterator[list[int]]:
    """The signals that have come."""
    come: list[int] = []
    before = signal.signal(signal.SIGHUP, lambda number, _: come.append(number))
    yield come
    process.unblock_sighup()
    signal.signal(signal.SIGHUP, before)


def test_it_waits_until_it_is_heeded(come: list[int]) -> None:
    process.block_sighup()
    signal.pthread_kill(threading.get_ident(), signal.SIGHUP)
    assert come == []
    process.unblock_sighup()
    assert come == [signal.SIGHUP]


def test_it_waits_meanwhile(come: list[int]) -> None:
    with process.sighup_blocked():
        signal.pthread_kill(threading.get_ident(), signal.SIGHUP)
        assert come == []
    assert come == [signal.SIGHUP]


@pytest.mark.parametrize("change", [process.block_sighup, process.unblock_sighup])
def test_where_there_is_no_such_signal(monkeypatch: pytest.MonkeyPatch, change: Callable[[], None]) -> None:
    monkeypatch.delattr(signal, "SIGHUP")
    monkeypatch.delattr(signal, "pthread_sigmask")
    change()
