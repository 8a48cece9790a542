"""The processors that there are for this process."""

import os
from contextlib import suppress
from pathlib import Path

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
