"""Memory that the process no longer needs goes back to the system."""

import ctypes
import gc

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
