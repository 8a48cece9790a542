"""Memory that the process no longer needs goes back to the system."""

import ctypes
import gc


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
