"""Process settings: memory, garbage collection, threads, processors, open files and SIGHUP."""

import ctypes
import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
    import resource
    import termios
except ImportError:  # Windows has neither such limits nor such questions
    fcntl = resource = termios = None  # type: ignore[assignment]

LARGE = 1024**2  # bytes; weights have more, and what an answer takes has less

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def map_large_blocks() -> None:
    """Have blocks of LARGE bytes go back to the system as soon as they are freed (glibc's mallopt; else nothing).

    Left to itself, glibc takes to keeping ever larger blocks in heaps, one for each thread, where whatever stays above
    a freed block keeps it: with every other exchange of the model that was 20 MB more.
    """
    with suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, LARGE)
        # As glibc itself would have it; once told anything, it returns what is free at a heap's end from 128 KB on.
        library.mallopt(_M_TRIM_THRESHOLD, 2 * LARGE)


def release() -> None:
    """Free what only refers to itself, then return freed memory."""
    gc.collect()
    trim()


def trim() -> None:
    """Return freed memory to the system (glibc's malloc_trim; elsewhere nothing happens).

    Loading a bundle holds its weights several times over for a moment. glibc keeps the freed pages, which is a
    quarter of the process: too much of a 512 MB dyno.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def limit_memory(additional_bytes: int) -> None:
    """Let this process take so many bytes more than it has: beyond that it gets a MemoryError.

    Linux alone counts what is mapped to be written to (setrlimit(2): RLIMIT_DATA); elsewhere nothing happens.
    """
    with suppress(AttributeError, OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5])  # proc(5): data and stack
        limit = pages * resource.getpagesize() + additional_bytes
        resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def set_switch_interval(seconds: float) -> None:
    """Let a thread wait so long for another's Python (sys.setswitchinterval; Python's own is 0.005).

    For processes in which one thread computes batches, which takes milliseconds and leaves Python alone, while others
    have Python to run: it must not wait as long again, several times a batch, to go on.
    """
    sys.setswitchinterval(seconds)


# Objects, of Python's 700. The requests that wait together have more than those, so that each batch set off several
# collections, and there was nothing to collect, for neither an answered request nor a closed connection leaves cycles
# behind. At twenty times as many, a collection that does come holds everything up for a tenth of a second.
_COLLECT_AFTER = 5_000


def freeze_garbage_collector() -> None:
    """Look for cycles only where far more objects were made than freed (gc.set_threshold), and among those alone.

    To be called when all that stays is loaded: looking through it takes as long as a hundred answers.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])


# Added to the process's own niceness for a thread that computes; Linux knows 19 at most. Its share beside a thread
# that does not give way is a quarter then; with 10 it is a tenth, and what was accepted waits for the rest.
NICENESS = 5


def give_way() -> None:
    """To be called in a thread that computes: where processors are short, others of the process go first.

    The event loop takes little time and everybody waits for it, refusals and health checks above all. In Linux each
    thread has a niceness of its own (setpriority(2), "C library/kernel differences"); elsewhere nothing is changed.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            niceness = os.getpriority(os.PRIO_PROCESS, os.getpid())
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness + NICENESS)


CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def processors(quota: Path = CGROUP_QUOTA) -> int:
    """How many of them this process may keep busy, at least 1: whole ones, of those that it may run on.

    A container's share of time counts (cgroup v2, https://docs.kernel.org/admin-guide/cgroup-v2.html, `cpu.max`):
    where it is one processor's, two threads that are at work on two use it up in half the time, and both stand still.
    """
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):
        microseconds, period = quota.read_text(encoding="ascii").split()
        return max(1, min(available, int(microseconds) // int(period)))
    return available


def raise_file_limit(count: int) -> None:
    """Raise the limit of open files to so many, as far as the system lets a process do so by itself; never lower it.

    What it starts inherits the limit. Where it is too low, the system closes connections before anybody could answer
    that there are too many.
    """
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft == resource.RLIM_INFINITY or soft >= limit:
        return
    with suppress(ValueError, OSError):  # a system may have a bound of its own, as macOS does
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def unsent_bytes(descriptor: int) -> int:
    """Bytes that a TCP socket holds for the other end, whose system has not confirmed them (Linux, tcp(7): SIOCOUTQ).

    Elsewhere, and where the socket is closed, 0.
    """
    count = bytearray(4)
    with suppress(AttributeError, OSError, ValueError):
        fcntl.ioctl(descriptor, termios.TIOCOUTQ, count)
    return int.from_bytes(count, sys.byteorder)


def block_sighup() -> None:
    """Let SIGHUP wait, in this thread and in the processes that it starts. Its default would end them."""
    if hasattr(signal, "SIGHUP"):  # not on Windows
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


def unblock_sighup() -> None:
    """From now on SIGHUP comes to this thread's handler, one that has waited at once."""
    if hasattr(signal, "SIGHUP"):  # not on Windows
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


@contextmanager
def sighup_blocked() -> Iterator[None]:
    """SIGHUP waits meanwhile; in a process that is started here it waits until that unblocks it."""
    block_sighup()
    try:
        yield
    finally:
        unblock_sighup()
