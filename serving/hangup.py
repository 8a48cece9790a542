"""SIGHUP, put off: one that comes while a model is loaded, which may be the old one, is heeded once it is there."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

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
