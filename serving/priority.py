"""Which threads go first where there are more of them than processors."""

import os
import sys
import threading
from contextlib import suppress

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
