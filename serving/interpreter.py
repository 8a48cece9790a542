"""What of Python itself is set otherwise, for the whole process."""

import gc
import sys

# Seconds, of Python's 0.005: a thread whose batch is done must not wait as long again for one that handles text.
_SWITCH_INTERVAL = 0.0005

# Objects, of Python's 700. The requests that wait together have more than those, so that each batch set off several
# collections, a fifth of the event loop's time; and there was nothing to collect, for an answered request leaves no
# cycles behind.
_COLLECT_AFTER = 50_000


def switch_often() -> None:
    """Let threads wait less for each other's Python (sys.setswitchinterval).

    For processes in which one thread computes batches, which takes milliseconds and leaves Python alone, and another
    has Python to run all the time.
    """
    sys.setswitchinterval(_SWITCH_INTERVAL)


def collect_seldom() -> None:
    """Look for cycles only where far more objects were made than freed (gc.set_threshold)."""
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])
