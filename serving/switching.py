"""How often threads take turns."""

import sys

# Seconds, of Python's 0.005: a thread whose batch is done must not wait as long again for one that handles text.
_INTERVAL = 0.0005


def switch_often() -> None:
    """Let this process's threads wait less for each other's Python (sys.setswitchinterval).

    For processes in which one thread computes batches, which takes milliseconds and leaves Python alone, and another
    has Python to run all the time.
    """
    sys.setswitchinterval(_INTERVAL)
