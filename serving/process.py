"""What a process sets about itself: memory, threads, processors, files and SIGHUP."""

import ctypes
import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LARGE = 1024**2
"""Bytes. Weights have more, and what an answer takes has less."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def map_large() -> None:
    """Have what is LARGE go back as soon as it is freed (glibc's mallopt; elsewhere nothing happens).

    Left to itself, glibc takes to keeping ever larger pieces in heaps, one for each thread, where whatever stays above
    a freed piece keeps it: with every other exchange of the model that was 20 MB more. What is free at a heap's end
    goes back from twice as much on, as it would by itself; once told anything, glibc returns it from 128 KB on.
    """
    try:
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, LARGE)
        library.mallopt(_M_TRIM_THRESHOLD, 2 * LARGE)
    except (AttributeError, OSError, TypeError):
        return


def release() -> None:
    """Free what only refers to itself, then return freed memory."""
    gc.collect()
    trim()


def trim() -> None:
    """Return freed memory (glibc's malloc_trim; elsewhere nothing happens).

    Loading a bundle holds its weights several times over for a moment. glibc keeps the freed pages, which is a
    quarter of the process: too much of a 512 MB dyno.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return


# Objects, of Python's 700. The requests that wait together have more than those, so that each batch set off several
# collections, and there was nothing to collect, for neither an answered request nor a closed connection leaves cycles
# behind. At twenty times as many, a collection that does come holds everything up for a tenth of a second.
_COLLECT_AFTER = 5_000


def switch_every(seconds: float) -> None:
    """Let a thread wait so long for another's Python (sys.setswitchinterval; Python's own is 0.005).

    For processes in which one thread computes batches, which takes milliseconds and leaves Python alone, while others
    have Python to run: it must not wait as long again, several times a batch, to go on.
    """
    sys.setswitchinterval(seconds)


def collect_seldom() -> None:
    """Look for cycles only where far more objects were made than freed (gc.set_threshold), and among those alone.

    To be called when all that stays is loaded: looking through it takes as long as a hundred answers.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])


NICENESS = 5
"""Added to the process's own for a thread that computes; Linux knows 19 at most. Its share beside a thread that does
not give way is a quarter then; with 10 it is a tenth, and what was accepted waits for the rest."""


def give_way() -> None:
    """To be called in a thread that computes: where processors are short, others of the process go first.

    The event loop takes little time and everybody waits for it, refusals and health checks above all. In Linux each
    thread has a niceness of its own (setpriority(2), "C library/kernel differences"); elsewhere nothing is changed.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            ours = os.getpriority(os.PRIO_PROCESS, os.getpid())
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), ours + NICENESS)


QUOTA = Path("/sys/fs/cgroup/cpu.max")


def processors(quota: Path = QUOTA) -> int:
    """How many of them this process may keep busy, at least 1: whole ones, of those that it may run on.

    A container's share of time counts (cgroup v2, https://docs.kernel.org/admin-guide/cgroup-v2.html, `cpu.max`):
    where it is one processor's, two threads that are at work on two use it up in half the time, and both stand still.
    """
    may_run_on = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):
        microseconds, period = quota.read_text(encoding="ascii").split()
        return max(1, min(may_run_on, int(microseconds) // int(period)))
    return may_run_on


try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]


def allow(count: int) -> None:
    """Raise the limit to so many, as far as the system lets a process do so by itself; never lower it.

    What it starts inherits the limit. Where it is too low, the system closes connections before anybody could answer
    that there are too many.
    """
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with suppress(ValueError, OSError):  # a system may have a bound of its own, as macOS does
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


_KNOWN = hasattr(signal, "SIGHUP")


def put_off() -> None:
    """Let SIGHUP wait, in this thread and in the processes that it starts. Its default would end them."""
    if _KNOWN:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


def heed() -> None:
    """From now on SIGHUP comes to this thread's handler, one that has waited at once."""
    if _KNOWN:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


@contextmanager
def waiting() -> Iterator[None]:
    """SIGHUP waits meanwhile; a process that is started here goes on putting it off, until it heeds it itself."""
    put_off()
    try:
        yield
    finally:
        heed()
