"""How many files and connections the process may have open."""

from contextlib import suppress

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
