"""The requirements files, read strictly: a pin, an included file or a comment in each line, and nothing else."""

import re
from pathlib import Path

_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[0-9][0-9A-Za-z.+]*)(; .+)?")
_INCLUDED = re.compile(r"-r (?P<file>requirements[a-z-]*\.txt)")


def lines(path: Path) -> list[str]:
    """The lines that pip would act on."""
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def pinned(path: Path) -> dict[str, str]:
    """The version of each package, by its normalised name; included files left out."""
    pins = (_PIN.fullmatch(line) for line in lines(path))
    return {re.sub(r"[-_.]+", "-", pin["name"]).lower(): pin["version"] for pin in pins if pin}


def unpinned(path: Path) -> list[str]:
    """The lines that are neither a pin nor an included file."""
    return [line for line in lines(path) if not _PIN.fullmatch(line) and not _INCLUDED.fullmatch(line)]
